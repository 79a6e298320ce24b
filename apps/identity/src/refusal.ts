/** Everything this service's domain refuses, as the stable code a caller switches on; `problems.ts` says what each means over HTTP. */
export type RefusalCode =
  | 'not_found'
  | 'key_name_taken'
  | 'key_expiry_passed'
  | 'user_key_with_roles'
  | 'user_key_without_person'
  | 'setup_link_invalid';

/** An expected "no" of a decide function. Carries its code only: the code's public text stands in one table. */
export class Refusal extends Error {
  constructor(readonly code: RefusalCode) {
    super(`refused: ${code}`);
    this.name = 'Refusal';
  }
}
