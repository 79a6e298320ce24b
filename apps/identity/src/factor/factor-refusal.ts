/** Everything that factors refuse, as the stable code a caller switches on; `factor.problems.ts` says what each means over HTTP. */
export type FactorRefusal =
  | 'second_factor_failed'
  | 'totp_exists'
  | 'totp_not_begun'
  | 'totp_code_wrong'
  | 'passkey_not_accepted'
  | 'passkey_known'
  | 'too_many_passkeys'
  | 'factor_not_found'
  | 'last_factor'
  | 'no_factor'
  | 'already_enrolled'
  | 'fresh_proof_required';
