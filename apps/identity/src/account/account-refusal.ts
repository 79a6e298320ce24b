import { Refusal } from '../refusal.js';

/** Everything this area refuses; `problems.ts` says what each means over HTTP. */
export type AccountRefusal =
  | 'sign_in_refused'
  | 'challenge_invalid'
  | 'refresh_refused'
  | 'link_invalid'
  | 'tenant_not_selectable'
  | 'registration_closed'
  | 'password_wrong'
  | 'tenant_name_taken';

export const refuse = (code: AccountRefusal): Refusal<AccountRefusal> => new Refusal(code);
