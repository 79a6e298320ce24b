/** Everything that keys and set-up refuse, as the stable code a caller switches on; `problems.ts` says what each means over HTTP. */
export type RefusalCode =
  | 'not_found'
  | 'key_name_taken'
  | 'key_expiry_passed'
  | 'user_key_with_roles'
  | 'user_key_without_person'
  | 'user_key_of_another'
  | 'user_key_beyond_tenant'
  | 'key_scopes_too_wide'
  | 'setup_link_invalid';

/**
 * An expected "no" of a decide function. Carries its code only: the code's public text stands in one table.
 * An area has a closed union of codes of its own: `new Refusal<TenancyRefusal>('last_owner')`.
 */
export class Refusal<C extends string = RefusalCode> extends Error {
  constructor(readonly code: C) {
    super(`refused: ${code}`);
    this.name = 'Refusal';
  }
}
