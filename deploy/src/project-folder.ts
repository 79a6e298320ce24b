import { join, resolve } from 'node:path';
import { services } from '@gatehouse/bus';

/** The NATS user that creates streams and consumers. */
export const setupUser = 'setup';

/** What a running service may see of the database: one tenant at a time, or all of them. */
export const databaseRoles = ['request', 'system'] as const;

/** Where init.mjs puts things, below the folder of docker-compose.yml. */
export interface ProjectFolder {
  /** Read by Compose itself. No secrets. */
  readonly env: string;
  readonly secrets: string;
  /** `secrets` while it is being made. */
  readonly draft: string;
  /** Bootstrap leaves the first owner's link and key here. */
  readonly owner: string;
}

export function projectFolder(root: string): ProjectFolder {
  const at = (...parts: string[]) => resolve(root, ...parts);
  const compose = (name: string) => at('deploy', 'compose', name);
  return { env: at('.env'), secrets: compose('secrets'), draft: compose('secrets.new'), owner: compose('owner') };
}

/** The files of a folder of secrets. */
export interface SecretFiles {
  readonly root: string;
  /** Without any of these the data of an installation cannot be used or proved any more. */
  readonly keys: { readonly root: string; readonly pepper: string; readonly ledger: string; readonly seal: string };
  /** Signs what the decision point says of itself. A new one may replace it. */
  readonly metadataKey: string;
  /** Signs grants for sessions on devices. Devices hear of a new one with their next heartbeat. */
  readonly grantKey: string;
  /** All relays know each other by it. Changed while they are all stopped. */
  readonly peerKey: string;
  readonly superuserPassword: string;
  /** One a service and role. */
  readonly databasePasswords: readonly string[];
  /** NATS user -> file with its seed. */
  readonly natsSeeds: Readonly<Record<string, string>>;
  /** Public keys and permissions of the NATS users. */
  readonly natsAuthorization: string;
  readonly tls: {
    readonly folder: string;
    readonly certificate: string;
    readonly key: string;
    readonly authority: string;
    /** The names that our own authority was made for, one a line. */
    readonly hosts: string;
    /** Only where the certificate is by an authority of our own. */
    readonly authorityKey: string;
  };
}

export function secretFiles(root: string): SecretFiles {
  const at = (...parts: string[]) => join(root, ...parts);
  const tls = at('tls');
  return {
    root,
    keys: { root: at('root.key'), pepper: at('pepper.key'), ledger: at('ledger.pem'), seal: at('seal.key') },
    metadataKey: at('metadata.pem'),
    grantKey: at('grant.pem'),
    peerKey: at('relay-peer.pem'),
    superuserPassword: at('postgres.password'),
    databasePasswords: services.flatMap((service) =>
      databaseRoles.map((role) => at('database', `${service}.${role}.password`)),
    ),
    natsSeeds: Object.fromEntries([setupUser, ...services].map((user) => [user, at('nats', `${user}.seed`)])),
    natsAuthorization: at('nats', 'authorization.conf'),
    tls: {
      folder: tls,
      certificate: join(tls, 'server.pem'),
      key: join(tls, 'server.key'),
      authority: join(tls, 'ca.pem'),
      hosts: join(tls, 'hosts'),
      authorityKey: join(tls, 'ca.key'),
    },
  };
}
