/** What the commands on a tenant's policy refuse; `problems.ts` says what each means over HTTP. */
export type VersionRefusal =
  | 'stale_revision'
  | 'nothing_to_roll_back'
  | 'too_many_requests_open'
  | 'not_found'
  | 'request_void'
  | 'request_closed'
  | 'request_expired'
  | 'own_request'
  | 'approver_not_a_person'
  | 'too_many_drafts';

/** An expected "no" of a decide function: its code only. */
export class Refusal extends Error {
  constructor(readonly code: VersionRefusal) {
    super(`refused: ${code}`);
    this.name = 'Refusal';
  }
}
