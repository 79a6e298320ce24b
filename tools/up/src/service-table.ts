import type { KeyFile } from './data-folder.js';

export interface ServiceRow {
  readonly name: string;
  /** Program to run, below the repository. */
  readonly program: string;
  /** Internal port: `--port-base` plus this. The gateway's is `--port`. */
  readonly portOffset: number;
  /** A schema of its own with two roles, and a NATS user. */
  readonly stateful: boolean;
  /** Environment variable -> file in the data folder. */
  readonly files: Readonly<Record<string, KeyFile>>;
  /**
   * What to ask to see whether the service knows a key, as a `KeyProbe` says it: no route has the parameter, an empty
   * question is none, and so nothing is decided or recorded.
   */
  readonly keyProbe?: string;
  /** It writes letters, and signs the tokens that the others check. */
  readonly isIdentity?: true;
  /** Devices and their clients connect to it by themselves, at a port of its own. */
  readonly isRelay?: true;
}

const program = (name: string) => `apps/${name}/dist/src/main.js`;

/** Every process `npm start` runs. A new service is a new row. */
export const serviceTable = [
  {
    name: 'identity',
    program: program('identity'),
    portOffset: 0,
    stateful: true,
    keyProbe: 'GET /api/v1/identity/me?probe',
    files: { ROOT_KEY_FILE: 'rootKey', PEPPER_FILE: 'pepper' },
    isIdentity: true,
  },
  {
    name: 'policy',
    program: program('policy'),
    portOffset: 1,
    stateful: true,
    keyProbe: 'POST /access/v1/evaluation',
    files: { PEPPER_FILE: 'pepper', METADATA_KEY_FILE: 'metadataKey' },
  },
  {
    name: 'vault',
    program: program('vault'),
    portOffset: 3,
    stateful: true,
    keyProbe: 'GET /api/v1/vault/whoami?probe',
    files: { PEPPER_FILE: 'pepper', SEAL_KEY_FILE: 'sealKey' },
  },
  {
    name: 'registry',
    program: program('registry'),
    portOffset: 4,
    stateful: true,
    keyProbe: 'GET /api/v1/devices/grant-keys?probe',
    files: { PEPPER_FILE: 'pepper', GRANT_KEY_FILE: 'grantKey' },
  },
  {
    name: 'relay',
    program: program('relay'),
    portOffset: 5,
    stateful: true,
    keyProbe: 'GET /api/v1/relay/tunnels?probe',
    files: {
      PEPPER_FILE: 'pepper',
      RELAY_CERT_FILE: 'serverCertificate',
      RELAY_KEY_FILE: 'serverKey',
      RELAY_CA_FILE: 'authority',
      RELAY_PEER_KEY_FILE: 'peerKey',
    },
    isRelay: true,
  },
  {
    name: 'audit',
    program: program('audit'),
    portOffset: 2,
    stateful: true,
    keyProbe: 'GET /api/v1/audit/key?probe',
    files: {
      PEPPER_FILE: 'pepper',
      LEDGER_KEY_FILE: 'ledgerKey',
      LEDGER_HEAD_FILE: 'ledgerHead',
    },
  },
  {
    name: 'gateway',
    program: program('gateway'),
    portOffset: 0,
    stateful: false,
    files: { TLS_CERT_FILE: 'serverCertificate', TLS_KEY_FILE: 'serverKey', CA_FILE: 'authority' },
  },
] as const satisfies readonly ServiceRow[];

export const gatewayName = 'gateway';
export type StatefulService = Exclude<(typeof serviceTable)[number]['name'], typeof gatewayName>;
export const statefulServices = serviceTable.filter((row) => row.stateful).map((row) => row.name as StatefulService);

/** PostgreSQL and NATS of our own get the two ports after twenty services. */
export const postgresPortOffset = 20;
export const natsPortOffset = 21;
