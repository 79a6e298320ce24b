import { isDeepStrictEqual } from 'node:util';
import type { IdpConfigured, IdpRemoved, MemberRole } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { refusal } from '../federation-refusals.js';
import type { Provider } from './provider.js';

/** Stores how a provider is from now on. Another issuer is another provider: its people are not the same people. */
export function configureProvider(config: IdpConfigured, state: Provider): readonly NewEvent[] {
  if (state.status === 'removed') throw refusal('not_found');
  if (state.status === 'configured' && state.config.issuer !== config.issuer) throw refusal('idp_issuer_refused');
  if (state.status === 'configured' && isDeepStrictEqual(state.config, config)) return [];
  return [{ type: 'idp.configured', version: 1, data: config satisfies IdpConfigured }];
}

/** A provider that was removed is not there to be removed again; the repeated call finds nothing left to do. */
export function removeProvider(idpId: string, state: Provider): readonly NewEvent[] {
  if (state.status === 'none') throw refusal('not_found');
  if (state.status === 'removed') return [];
  return [{ type: 'idp.removed', version: 1, data: { idpId } satisfies IdpRemoved }];
}

/** Every role that signing in may give: each needs the leave of whoever configures it. */
export const rolesGiven = ({
  defaultRole,
  groupRoles,
}: Pick<IdpConfigured, 'defaultRole' | 'groupRoles'>): ReadonlySet<MemberRole> =>
  new Set([...(defaultRole ? [defaultRole] : []), ...Object.values(groupRoles)]);
