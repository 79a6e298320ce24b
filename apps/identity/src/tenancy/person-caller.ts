import { isInScope } from '@gatehouse/authn';
import { type Principal, ProblemError } from '@gatehouse/http';

/**
 * The person who calls, for what people do with their own memberships, in no tenant or in another than that of their
 * credential: no policy of a tenant decides on it, so the limits of the credential are checked here.
 *
 * @throws ProblemError `person_required`; `forbidden` for a credential that is limited to other actions
 */
export function personOf(caller: Principal & { readonly scopes?: readonly string[] }, action: string): string {
  if (caller.type !== 'user') throw new ProblemError('person_required');
  if (!isInScope(caller.scopes, action)) throw new ProblemError('forbidden', `The credential is not for ${action}`);
  return caller.id;
}
