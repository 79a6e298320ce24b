import type {
  Envelope,
  OauthClientRegistered,
  OauthClientSecretRotated,
  OauthClientSettings,
  OauthClientUpdated,
} from '@gatehouse/contracts';
import type { Decider } from '@gatehouse/event-store';

export interface ClientFacts extends OauthClientSettings {
  readonly tenantId: string;
  readonly clientId: string;
  readonly kind: OauthClientRegistered['kind'];
  readonly name: string;
  readonly roles: readonly string[];
  readonly auth: OauthClientRegistered['auth'];
  readonly createdAt: string;
  readonly fingerprint?: string;
  /** The secret before this one, and until when it works. */
  readonly previous?: { readonly fingerprint: string; readonly validUntil: string };
}

export type Client =
  | { readonly status: 'none' }
  | (ClientFacts & { readonly status: 'active' })
  | (ClientFacts & { readonly status: 'removed' });

export const clientStream = (clientId: string): string => `oauth-client:${clientId}`;

const initialState: Client = { status: 'none' };

type Change = (state: ClientFacts, event: Envelope) => Client;

const changes: Readonly<Record<string, Change>> = {
  'oauth_client.updated': (state, { data }) => {
    const { clientId: _same, ...settings } = data as unknown as OauthClientUpdated;
    const { jwks: _replaced, ...kept } = state;
    return { ...kept, ...settings, status: 'active' };
  },
  'oauth_client.secret_rotated': (state, { data }) => {
    const { fingerprint, previousFingerprint, previousValidUntil } = data as unknown as OauthClientSecretRotated;
    const previous = { fingerprint: previousFingerprint, validUntil: previousValidUntil };
    return { ...state, fingerprint, previous, status: 'active' };
  },
  'oauth_client.removed': (state) => ({ ...state, status: 'removed' }),
};

function evolve(state: Client, event: Envelope): Client {
  if (event.type === 'oauth_client.registered') {
    const facts = event.data as unknown as Omit<ClientFacts, 'tenantId' | 'createdAt'>;
    return { ...facts, tenantId: event.tenantId, createdAt: event.occurredAt, status: 'active' };
  }
  return state.status === 'none' ? state : (changes[event.type]?.(state, event) ?? state);
}

export const clientDecider: Decider<Client> = { initialState, evolve };
