import type { ConsumerMounted, ConsumerRegistered, Envelope } from '@gatehouse/contracts';
import { messageCode, type Pepper } from '@gatehouse/crypto';
import type { Decider } from '@gatehouse/event-store';

export const consumerKinds = ['application', 'configuration', 'device'] as const;

/** Whatever reads secrets, in one scope. */
export interface ConsumerName {
  readonly kind: (typeof consumerKinds)[number];
  readonly id: string;
  /** Environment, or environment/project; empty for the top. */
  readonly scope: string;
}

export type Consumer =
  | { readonly status: 'absent' }
  | {
      readonly status: 'registered';
      readonly references: ConsumerRegistered['references'];
      /** By stream of the secret; those that are not mounted are not in it. */
      readonly mounted: Readonly<Record<string, number>>;
    };

export const consumerDecider: Decider<Consumer> = {
  initialState: { status: 'absent' },
  evolve: (state, { type, data }: Envelope): Consumer => {
    if (type === 'consumer.registered') {
      const { references } = data as unknown as ConsumerRegistered;
      const before = state.status === 'registered' ? state.mounted : {};
      const kept = references.flatMap(({ secret }) => {
        const version = before[secret];
        return version === undefined ? [] : [[secret, version] as const];
      });
      return { status: 'registered', references, mounted: Object.fromEntries(kept) };
    }
    if (type === 'consumer.mounted' && state.status === 'registered') {
      const { secrets } = data as unknown as ConsumerMounted;
      const mounted = Object.fromEntries(secrets.map(({ secret, version }) => [secret, version]));
      return { ...state, mounted: { ...state.mounted, ...mounted } };
    }
    return type === 'consumer.forgotten' ? { status: 'absent' } : state;
  },
};

/** A keyed hash, because the id of a stream is told to everybody who reads the log. */
export const consumerStream = (pepper: Pepper, tenantId: string, { kind, id, scope }: ConsumerName): string =>
  `consumer:${messageCode(pepper, 'vault.consumer-stream', JSON.stringify([tenantId, kind, id, scope]))}`;
