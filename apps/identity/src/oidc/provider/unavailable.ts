import { isTransient } from '@gatehouse/event-store';
import { errors } from 'oidc-provider';

/** What a client is told while PostgreSQL is away: try again (RFC 6749, 4.1.2.1), not that its token is wrong. */
export function temporarilyUnavailable(cause: unknown): Error {
  const error = new errors.CustomOIDCProviderError('temporarily_unavailable', 'try again in a moment');
  // 503 would hide its text: the library shows only what it calls the client's fault.
  return Object.assign(error, { status: 503, statusCode: 503, expose: true, allow_redirect: true, cause });
}

/** Runs work on the database; what may succeed later becomes `temporarily_unavailable`. */
export async function orUnavailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isTransient(error) ? temporarilyUnavailable(error) : error;
  }
}
