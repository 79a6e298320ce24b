/**
 * When an access token that was verified says that it ends, in Unix milliseconds; now for one that does not say.
 * Nothing is checked here.
 */
export function endOfJwt(text: string): number {
  const payload = JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString('utf8')) as { exp?: unknown };
  return typeof payload.exp === 'number' ? payload.exp * 1_000 : 0;
}
