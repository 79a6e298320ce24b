interface AskedInteraction {
  readonly iat?: number | undefined;
  readonly prompt: { readonly reasons: readonly string[] };
  readonly params: Readonly<Record<string, unknown>>;
}

/** A clock may lag a little behind another. */
const toleranceSeconds = 5;

/**
 * Whether a sign-in answers what was asked. `prompt=login` and `max_age` ask for the person, not for a session that was
 * there before (OpenID Connect Core 3.1.2.1). `authTime` is in seconds.
 */
export function isFreshEnough({ iat = 0, prompt, params }: AskedInteraction, authTime: number): boolean {
  if (prompt.reasons.includes('login_prompt')) return authTime >= iat - toleranceSeconds;
  if (prompt.reasons.includes('max_age') && Number(params.max_age) === 0) return authTime >= iat - toleranceSeconds;
  if (prompt.reasons.includes('max_age')) return authTime >= iat - Number(params.max_age);
  return true;
}
