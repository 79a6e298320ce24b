import type { Envelope } from '@gatehouse/contracts';
import type { GrantSelection, RevocationReason } from './grants.service.js';

export interface GrantEnd {
  readonly selection: GrantSelection;
  readonly reason: RevocationReason;
  /** The browser sessions of the provider that end, too. */
  readonly sessions?: { readonly signIn?: string; readonly userId?: string };
}

type Data = Readonly<Record<string, string>>;
type End = (data: Data, tenantId: string) => GrantEnd | undefined;

/** Ways a session ends that say nothing of the person's wish: what was agreed to with `offline_access` goes on. */
const silent: ReadonlySet<string> = new Set(['expired']);

const ends: Readonly<Record<string, End>> = {
  'session.ended': ({ sessionId = '', reason = '' }) => ({
    selection: { signIn: sessionId },
    reason: 'signed_out',
    sessions: { signIn: sessionId },
    ...(silent.has(reason) && { selection: {} }),
  }),
  'user.disabled': ({ userId = '' }) => ({ selection: { userId }, reason: 'disabled', sessions: { userId } }),
  'user.erased': ({ userId = '' }) => ({ selection: { userId }, reason: 'erased', sessions: { userId } }),
  'member.removed': ({ userId = '' }, tenantId) => ({ selection: { userId, tenantId }, reason: 'revoked' }),
  'tenant.closed': (_data, tenantId) => ({ selection: { tenantId }, reason: 'revoked' }),
  'oauth_client.removed': ({ clientId = '' }) => ({ selection: { clientId }, reason: 'client_removed' }),
};

export const endingEvents: readonly string[] = Object.keys(ends);

/** What an event of this service's log ends here. */
export const grantEndOf = ({ type, data, tenantId }: Pick<Envelope, 'type' | 'data' | 'tenantId'>) =>
  ends[type]?.(data as Data, tenantId);
