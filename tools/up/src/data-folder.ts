import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { UpError } from './up-error.js';

/** Raised when an older Gatehouse could not use a folder any more. */
const DATA_VERSION = 1;

/** Files that services get by an environment variable. */
export type KeyFile =
  | 'rootKey'
  | 'pepper'
  | 'sealKey'
  | 'ledgerKey'
  | 'ledgerHead'
  | 'metadataKey'
  | 'grantKey'
  | 'peerKey'
  | 'serverCertificate'
  | 'serverKey'
  | 'authority';

/** Where everything is in the data folder. Deleting the folder deletes everything; copying it (stopped) is a backup. */
export interface DataFolder {
  readonly root: string;
  readonly version: string;
  readonly lock: string;
  readonly postgres: string;
  readonly nats: string;
  readonly secrets: string;
  readonly tls: string;
  readonly logs: string;
  /** Letters that identity would send, one file each: for trying and developing. */
  readonly mail: string;
  readonly firstOwner: string;
  readonly credentials: string;
  readonly curlHeader: string;
  readonly superuserPassword: string;
  readonly keys: Readonly<Record<KeyFile, string>>;
  databasePassword(service: string, role: 'request' | 'system'): string;
  natsSeed(user: string): string;
  log(service: string): string;
  /** See MigrationStamp. */
  migrated(service: string): string;
}

export function dataFolder(root: string): DataFolder {
  const at = (...parts: string[]) => join(root, ...parts);
  return {
    root,
    version: at('version.json'),
    lock: at('lock.json'),
    postgres: at('postgres', 'data'),
    nats: at('nats', 'jetstream'),
    secrets: at('secrets'),
    tls: at('tls'),
    logs: at('logs'),
    mail: at('mail'),
    firstOwner: at('first-owner.json'),
    credentials: at('cli', 'credentials.json'),
    curlHeader: at('curl.header'),
    superuserPassword: at('secrets', 'postgres.password'),
    keys: {
      rootKey: at('secrets', 'root.key'),
      pepper: at('secrets', 'pepper.key'),
      sealKey: at('secrets', 'seal.key'),
      ledgerKey: at('secrets', 'ledger.pem'),
      ledgerHead: at('ledger', 'head.json'),
      metadataKey: at('secrets', 'metadata.pem'),
      grantKey: at('secrets', 'grant.pem'),
      peerKey: at('secrets', 'relay-peer.pem'),
      serverCertificate: at('tls', 'server.pem'),
      serverKey: at('tls', 'server.key'),
      authority: at('tls', 'ca.pem'),
    },
    databasePassword: (service, role) => at('secrets', 'database', `${service}.${role}.password`),
    natsSeed: (user) => at('secrets', 'nats', `${user}.seed`),
    log: (service) => at('logs', `${service}.log`),
    migrated: (service) => at('migrated', service),
  };
}

/** Makes the folders. Throws UpError when one cannot be made or written to. */
export function prepareFolders(folder: DataFolder): void {
  try {
    // Others may pass through, not look: PostgreSQL, started by root, runs as another user.
    mkdirSync(folder.root, { recursive: true, mode: 0o711 });
    accessSync(folder.root, constants.W_OK | constants.X_OK);
    for (const open of ['postgres', 'nats']) mkdirSync(join(folder.root, open), { recursive: true, mode: 0o711 });
    const closed = [
      folder.secrets,
      folder.tls,
      folder.logs,
      folder.mail,
      ...['cli', 'ledger'].map((name) => join(folder.root, name)),
    ];
    for (const path of [...closed, join(folder.secrets, 'database'), join(folder.secrets, 'nats')]) {
      mkdirSync(path, { recursive: true, mode: 0o700 });
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new UpError(`cannot write to the data folder ${folder.root} (${code}); choose another with --data`, {
      cause: error,
    });
  }
}

/** `new` before the first start. Throws UpError when a newer Gatehouse made it, or when it is somebody else's folder. */
export function checkVersion(folder: DataFolder): 'new' | 'known' {
  if (!existsSync(folder.version)) {
    const known = new Set(knownEntries(folder));
    const strange = existsSync(folder.root) ? readdirSync(folder.root).find((name) => !known.has(name)) : undefined;
    if (strange === undefined) return 'new';
    throw new UpError(
      `${folder.root} is not a Gatehouse data folder (it holds ${strange}); choose an empty one with --data`,
    );
  }
  const found = (JSON.parse(readFileSync(folder.version, 'utf8')) as { dataVersion?: number }).dataVersion;
  if (found === DATA_VERSION) return 'known';
  throw new UpError(
    `${folder.root} has data version ${found}, this Gatehouse knows ${DATA_VERSION}: start it with the newer Gatehouse that made it`,
  );
}

export function writeVersion(folder: DataFolder): void {
  writeFileSync(folder.version, `${JSON.stringify({ dataVersion: DATA_VERSION })}\n`, { mode: 0o600 });
}

/** Deletes what is ours in the folder, and nothing else. */
export function deleteData(folder: DataFolder): void {
  for (const name of knownEntries(folder)) rmSync(join(folder.root, name), { recursive: true, force: true });
}

function knownEntries(folder: DataFolder): string[] {
  const files = [folder.version, folder.lock, folder.firstOwner, folder.curlHeader];
  const names = files.map((path) => path.slice(folder.root.length + 1));
  return [...names, 'postgres', 'nats', 'secrets', 'tls', 'logs', 'mail', 'cli', 'ledger', 'migrated'];
}
