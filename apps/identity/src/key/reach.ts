import { coversScopes } from '@gatehouse/authn';
import { Refusal } from '../refusal.js';

/** A caller as far as it matters to the keys it may hand out. */
export interface Reach {
  readonly type: string;
  readonly id: string;
  /** Action patterns of the caller's credential; absent: no limit. */
  readonly scopes?: readonly string[];
  /** The credential opens one tenant only, though its person may have others. */
  readonly tenantFixed?: true;
}

/** A key of a person opens every tenant of that person. @throws Refusal `user_key_beyond_tenant` */
export function assertReachesPerson({ tenantFixed }: Reach): void {
  if (tenantFixed) throw new Refusal('user_key_beyond_tenant');
}

/** Nobody gets a key that reaches further than the credential he asks with. @throws Refusal `key_scopes_too_wide` */
export function assertReach({ scopes }: Reach, wanted: readonly string[] | undefined): void {
  if (!coversScopes(scopes, wanted)) throw new Refusal('key_scopes_too_wide');
}
