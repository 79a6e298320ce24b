import { type Principal as Caller, ProblemError } from '@gatehouse/http';

/** A caller as services know it: {@link Caller} with what its credential says. */
export type SignedIn = Caller & { readonly sessionId?: string; readonly scopes?: readonly string[] };

/**
 * The session that calls. What changes an account is for the person at a sign-in: neither for keys, which live in files,
 * nor for tokens that were handed to an application.
 *
 * @throws ProblemError `forbidden`
 */
export function ownSession(caller: SignedIn): { readonly userId: string; readonly sessionId: string } {
  const { type, id, sessionId, scopes } = caller;
  if (type !== 'user' || sessionId === undefined || scopes !== undefined)
    throw new ProblemError('forbidden', 'This needs a signed-in person');
  return { userId: id, sessionId };
}
