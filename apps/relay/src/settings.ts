import { setting } from '@gatehouse/config';
import { platformSettings } from '@gatehouse/service';

const limit = (meaning: string, max: number) => setting.integer(meaning, { min: 1, max });

export const relaySettings = platformSettings.extend({
  RELAY_ID: setting.text('Name of this relay, unique among the replicas').default('relay-1'),
  RELAY_HOST: setting.text('Address that devices and clients connect to').default('127.0.0.1'),
  RELAY_PORT: setting.port('Port of that address, UDP and TCP'),
  RELAY_PEER_ADDRESS: setting
    .text('host:port under which the other relays reach this one; RELAY_HOST and RELAY_PORT unless given')
    .optional(),
  RELAY_CERT_FILE: setting.text('PEM certificate chain that devices and clients are shown'),
  RELAY_KEY_FILE: setting.text('PEM private key of that certificate'),
  RELAY_CA_FILE: setting.text("PEM authorities that the other relays' certificates are checked with").optional(),
  RELAY_PEER_KEY_FILE: setting
    .text('PEM Ed25519 key that all relays share and know each other by; without it there are no peers')
    .optional(),
  RELAY_STREAMS_PER_DEVICE: limit('Streams of sessions on one device at once', 100_000).default(256),
  RELAY_STREAMS_PER_SUBJECT: limit('Streams of sessions of one person or service at once', 100_000).default(512),
  RELAY_STREAMS_PER_TENANT: limit('Streams of sessions in one tenant at once', 1_000_000).default(4_096),
  RELAY_CARRIERS_PER_ADDRESS: limit('Connections from one address at once', 100_000).default(4_096),
  RELAY_OPENS_PER_ADDRESS: limit('Streams that one address may ask for in a second', 100_000).default(200),
  RELAY_CARRIERS: limit('Connections at once', 1_000_000).default(20_000),
  RELAY_TUNNELS_PER_SECOND: limit('Devices that are let in within a second', 100_000).default(500),
  RELAY_RESUME_SECONDS: limit('How long a session waits for its client or device to come back', 3_600).default(75),
  RELAY_LEASE_SECONDS: limit('After how long a silence a relay counts as dead', 600).default(15),
  RELAY_UNCHECKED_SECONDS: limit('How long sessions go on while policy cannot be asked', 600).default(60),
  RELAY_IDLE_SECONDS: limit('After how long a silence a connection counts as lost', 600).default(10),
  RELAY_DRAIN_SECONDS: setting
    .integer('How long connections may take to go elsewhere when this relay stops', { min: 0, max: 600 })
    .default(5),
});
export type RelaySettings = ReturnType<(typeof relaySettings)['parse']>;
