import type { OauthClientRegistered, OauthClientSettings } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { Refusal } from '../../refusal.js';
import { isActionPattern } from '../grant/action-patterns.js';
import type { Client, ClientFacts } from './client.js';
import { redirectUriFault } from './redirect-uri.js';

export type ClientRefusal =
  | 'not_found'
  | 'client_redirect_uri_invalid'
  | 'client_redirect_uri_missing'
  | 'client_permission_invalid'
  | 'client_keys_missing'
  | 'client_setting_not_for_kind'
  | 'client_without_secret';

const refuse = (code: ClientRefusal): never => {
  throw new Refusal<ClientRefusal>(code);
};

type Kind = OauthClientRegistered['kind'];
type Auth = OauthClientRegistered['auth'];

/** Whatever is said of a client must make sense together: decided here once, trusted by the provider afterwards. */
function checkSettings(kind: Kind, auth: Auth, settings: OauthClientSettings): void {
  if (settings.redirectUris.some((uri) => redirectUriFault(uri, kind) !== undefined))
    refuse('client_redirect_uri_invalid');
  if (!settings.permissions.every(isActionPattern)) refuse('client_permission_invalid');
  const needsRedirect = kind !== 'service' && !settings.deviceFlow;
  if (needsRedirect && settings.redirectUris.length === 0) refuse('client_redirect_uri_missing');
  if ((auth === 'private_key_jwt') !== (settings.jwks !== undefined)) refuse('client_keys_missing');
  const foreign =
    (kind === 'service' && (settings.redirectUris.length > 0 || settings.deviceFlow || settings.skipConsent)) ||
    (kind !== 'service' && (settings.introspectTenant || settings.exchangeFrom.length > 0)) ||
    // Anybody can say that he is a public client: a person must see whom he lets in.
    (auth === 'none' && kind === 'native' && settings.skipConsent) ||
    (kind === 'spa' && settings.deviceFlow);
  if (foreign) refuse('client_setting_not_for_kind');
}

const authOf: Readonly<Record<Kind, readonly Auth[]>> = {
  web: ['secret', 'private_key_jwt'],
  service: ['secret', 'private_key_jwt'],
  native: ['none'],
  spa: ['none'],
};

export function registerClient(command: OauthClientRegistered, state: Client): readonly NewEvent[] {
  if (state.status !== 'none') return [];
  if (!authOf[command.kind].includes(command.auth)) refuse('client_setting_not_for_kind');
  if (command.kind !== 'service' && command.roles.length > 0) refuse('client_setting_not_for_kind');
  checkSettings(command.kind, command.auth, command);
  return [{ type: 'oauth_client.registered', version: 1, data: command }];
}

export function updateClient(settings: OauthClientSettings, state: Client): readonly NewEvent[] {
  const client = activeOf(state);
  checkSettings(client.kind, client.auth, settings);
  return [{ type: 'oauth_client.updated', version: 1, data: { clientId: client.clientId, ...settings } }];
}

export interface RotateSecret {
  readonly fingerprint: string;
  readonly overlapSeconds: number;
  readonly now: number;
}

export function rotateSecret({ fingerprint, overlapSeconds, now }: RotateSecret, state: Client): readonly NewEvent[] {
  const { clientId, fingerprint: previousFingerprint } = activeOf(state);
  if (previousFingerprint === undefined) return refuse('client_without_secret');
  const previousValidUntil = new Date(now + overlapSeconds * 1_000).toISOString();
  const data = { clientId, fingerprint, previousFingerprint, previousValidUntil };
  return [{ type: 'oauth_client.secret_rotated', version: 1, data }];
}

export function removeClient(state: Client): readonly NewEvent[] {
  if (state.status === 'removed') return [];
  const { clientId, name } = activeOf(state);
  return [{ type: 'oauth_client.removed', version: 1, data: { clientId, name } }];
}

function activeOf(state: Client): ClientFacts {
  return state.status === 'active' ? state : refuse('not_found');
}
