import { RetentionPolicy, StorageType } from '@nats-io/jetstream';

/** Where events travel: `ev.<service>.<tenant>.<aggregate>.<id>`, with `_` for a token in which a batch differs. */
export const eventSubject = (service: string, tenant: string, aggregate: string, id: string): string =>
  `ev.${service}.${tenant}.${aggregate}.${id}`;

export const rpcSubject = (service: string, method: string): string => `rpc.${service}.${method}`;

export const services = ['identity', 'policy', 'vault', 'registry', 'relay', 'audit'] as const;
export type ServiceName = (typeof services)[number];

/**
 * The stream of all events. Its limits may drop old messages: the truth is in PostgreSQL, and a consumer that finds
 * a gap has the source publish again (docs/adr/0004). The duplicate window is a help, never what correctness rests on.
 */
export const eventStream = {
  name: 'EVENTS',
  subjects: ['ev.>'],
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  max_bytes: 8 * 1024 ** 3,
  max_age: 7 * 24 * 3600 * 1e9,
  max_msg_size: 1_000_000,
  duplicate_window: 120 * 1e9,
} as const;

export interface DurableConsumer {
  readonly durable: string;
  readonly owner: ServiceName;
  readonly sources: readonly ServiceName[];
}

/** Every durable consumer there is, and whose it is. Created by setup; a service may only read its own. */
export const durableConsumers: readonly DurableConsumer[] = [
  { durable: 'identity_devices', owner: 'identity', sources: ['registry'] },
  { durable: 'policy_facts', owner: 'policy', sources: ['identity'] },
  { durable: 'policy_callers', owner: 'policy', sources: ['identity'] },
  { durable: 'policy_issuers', owner: 'policy', sources: ['identity'] },
  { durable: 'policy_devices', owner: 'policy', sources: ['registry'] },
  { durable: 'vault_keys', owner: 'vault', sources: ['identity'] },
  { durable: 'vault_callers', owner: 'vault', sources: ['identity'] },
  { durable: 'vault_issuers', owner: 'vault', sources: ['identity'] },
  { durable: 'vault_devices', owner: 'vault', sources: ['registry'] },
  { durable: 'vault_disclosures', owner: 'vault', sources: ['policy'] },
  { durable: 'registry_keys', owner: 'registry', sources: ['identity'] },
  { durable: 'registry_callers', owner: 'registry', sources: ['identity'] },
  { durable: 'registry_issuers', owner: 'registry', sources: ['identity'] },
  { durable: 'registry_owners', owner: 'registry', sources: ['identity'] },
  { durable: 'registry_relay', owner: 'registry', sources: ['relay'] },
  { durable: 'relay_keys', owner: 'relay', sources: ['identity'] },
  { durable: 'relay_callers', owner: 'relay', sources: ['identity'] },
  { durable: 'relay_issuers', owner: 'relay', sources: ['identity'] },
  { durable: 'relay_devices', owner: 'relay', sources: ['registry'] },
  { durable: 'relay_facts', owner: 'relay', sources: ['policy'] },
  { durable: 'audit_keys', owner: 'audit', sources: ['identity'] },
  { durable: 'audit_callers', owner: 'audit', sources: ['identity'] },
  { durable: 'audit_issuers', owner: 'audit', sources: ['identity'] },
  { durable: 'audit_devices', owner: 'audit', sources: ['registry'] },
  { durable: 'audit_ledger', owner: 'audit', sources: ['identity', 'policy', 'vault', 'registry', 'relay', 'audit'] },
];

/** How long a message may stay unacknowledged before it is delivered again. */
export const ackWaitMs = 5_000;
/** Messages delivered and not yet acknowledged, at most: with `max_msg_size` this bounds a consumer's memory. */
export const maxAckPending = 64;

export interface ServiceCalls {
  readonly service: ServiceName;
  /** `<service>.<method>` it may ask. It serves every method under its own name. */
  readonly calls: readonly `${ServiceName}.${string}`[];
}

/** Who may ask whom: the NATS permissions are made of this. */
export const serviceCalls: readonly ServiceCalls[] = [
  {
    service: 'identity',
    calls: [
      ...(['policy.decide', 'policy.personal_data', 'registry.personal_data', 'audit.personal_data'] as const),
      ...(['registry.rewind', 'identity.observe'] as const),
    ],
  },
  { service: 'policy', calls: ['identity.rewind', 'registry.rewind', 'identity.observe'] },
  {
    service: 'vault',
    calls: ['policy.decide', 'identity.rewind', 'policy.rewind', 'registry.rewind', 'identity.observe'],
  },
  {
    service: 'registry',
    calls: [
      ...(['policy.decide', 'policy.devices_known', 'identity.device_owner'] as const),
      ...(['identity.rewind', 'relay.rewind', 'identity.observe'] as const),
    ],
  },
  {
    service: 'relay',
    calls: [
      ...(['policy.decide', 'registry.grant_keys', 'identity.rewind'] as const),
      ...(['policy.rewind', 'registry.rewind', 'identity.observe'] as const),
    ],
  },
  {
    service: 'audit',
    calls: [
      ...(['policy.decide', 'identity.rewind', 'policy.rewind', 'vault.rewind', 'registry.rewind'] as const),
      ...(['relay.rewind', 'audit.rewind', 'identity.observe'] as const),
    ],
  },
];
