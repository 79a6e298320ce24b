import type { JWTPayload } from 'jose';
import type { JwtSettings } from './role-settings.js';

/** The claim of this name, or at this JSON pointer (RFC 6901) where the name begins with a slash. */
export function claimAt(claims: JWTPayload, name: string): unknown {
  if (!name.startsWith('/')) return own(claims, name);
  const steps = name
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  return steps.reduce<unknown>((value, step) => own(value, step), claims);
}

const own = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;

/**
 * Which bound of a role a token's claims miss; undefined when they meet them all. A claim that is a list meets a bound with
 * any of its members; a bound that is a list is met by any of its own.
 */
export function missedBound(settings: JwtSettings, claims: JWTPayload): string | undefined {
  const audiences = [claims.aud ?? []].flat();
  if (!settings.bound_audiences.some((audience) => audiences.includes(audience))) return 'audience';
  if (settings.bound_subject !== '' && claims.sub !== settings.bound_subject) return 'subject';
  for (const [name, bound] of Object.entries(settings.bound_claims)) {
    const values = [claimAt(claims, name) ?? []].flat();
    if (![bound].flat().some((wanted) => values.includes(wanted))) return 'claim';
  }
  const user = claimAt(claims, settings.user_claim);
  return typeof user === 'string' && user !== '' ? undefined : 'user_claim';
}
