import type { Envelope, KeyCreated, KeyDisabled, KeyPrincipal, KeyRotated } from '@gatehouse/contracts';
import type { Decider } from '@gatehouse/event-store';

interface KeyFacts {
  readonly keyId: string;
  readonly family: 'mas' | 'mau';
  readonly name: string;
  readonly principal: KeyPrincipal;
  readonly roles: readonly string[];
  readonly displayPrefix: string;
  readonly createdAt: string;
  readonly expiresAt?: string;
  readonly networks?: readonly string[];
  /** Action patterns; absent: no limit. */
  readonly scopes?: readonly string[];
  readonly imported?: boolean;
  readonly rotatedAt?: string;
  /** Until when the text before the last rotation works. */
  readonly previousValidUntil?: string;
}

/** An expired key keeps its status: expiry is a matter of the clock, not an event. */
export type Key =
  | { readonly status: 'none' }
  | (KeyFacts & { readonly status: 'enabled' })
  | (KeyFacts & { readonly status: 'disabled'; readonly reason?: string });

export const keyStream = (keyId: string): string => `key:${keyId}`;

/** Lower-case words with hyphens: a service key's name is also its principal's id, which grants and logs name. */
export const keyNamePattern = /^[a-z0-9][a-z0-9-]{0,62}$/;

function evolve(state: Key, event: Envelope): Key {
  if (event.type === 'key.created') return created(event);
  if (state.status === 'none') return state;
  if (event.type === 'key.rotated') return rotated(state, event);
  if (event.type === 'key.enabled') return { ...factsOf(state), status: 'enabled' };
  if (event.type !== 'key.disabled') return state;
  const { reason } = event.data as KeyDisabled;
  return { ...factsOf(state), status: 'disabled', ...(reason !== undefined && { reason }) };
}

function created({ data, occurredAt }: Envelope): Key {
  const { fingerprint: _kept, expiresAt, networks, scopes, imported, ...facts } = data as KeyCreated;
  return {
    ...facts,
    status: 'enabled',
    createdAt: occurredAt,
    ...(expiresAt !== undefined && { expiresAt }),
    ...(networks !== undefined && { networks }),
    ...(scopes !== undefined && { scopes }),
    ...(imported && { imported }),
  };
}

function rotated(key: Exclude<Key, { status: 'none' }>, { data, occurredAt }: Envelope): Key {
  const { displayPrefix, previousValidUntil } = data as KeyRotated;
  return { ...key, displayPrefix, previousValidUntil, rotatedAt: occurredAt };
}

function factsOf(key: Exclude<Key, { status: 'none' }>): KeyFacts {
  if (key.status === 'enabled') return key;
  const { reason: _past, ...facts } = key;
  return facts;
}

/** What a scope may be: `*`, `logs.*` or `logs.read`, at most four words. */
export const scopePattern =
  /^(\*|[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*){0,2}\.\*|[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*){0,3})$/;

export const keyDecider: Decider<Key> = { initialState: { status: 'none' }, evolve };
