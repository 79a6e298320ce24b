import type { PostgresEventStore, Wake } from '@gatehouse/event-store';
import type pg from 'pg';
import type { ConfiguredSeals } from './configured-seals.js';
import { KeyFollower } from './key-follower.js';
import { KeyLog } from './key-log.js';
import { Keyring } from './keyring.js';
import { RootKeyRotation } from './root-key-rotation.js';
import { RootKeys } from './root-keys.js';
import { RotationWorker } from './rotation-worker.js';
import type { SealKind } from './seal.js';
import { SealControl, type SplitInto } from './seal-control.js';
import type { SealedTable } from './sealed-tables.js';
import { TenantKeyRotation } from './tenant-key-rotation.js';
import { TenantKeyTable } from './tenant-key-table.js';
import { TenantSeals } from './tenant-seal.service.js';

/** Everything that handles keys, put together. */
export interface Keys {
  readonly sealKind: SealKind;
  readonly keyring: Keyring;
  readonly roots: RootKeys;
  readonly follower: KeyFollower;
  readonly control: SealControl;
  readonly tenantSeals: TenantSeals;
  readonly rootKeyRotation: RootKeyRotation;
  readonly tenantKeyRotation: TenantKeyRotation;
  readonly worker: RotationWorker;
}

export interface KeysOptions extends ConfiguredSeals {
  /** Connections of the system role. */
  readonly pool: pg.Pool;
  readonly store: PostgresEventStore;
  readonly wake: Wake;
  readonly operatorTenant: string;
  /** Shares, where nobody says how many. */
  readonly defaults: SplitInto;
  readonly tables: readonly SealedTable[];
  readonly graceMs?: number;
  readonly warn: (message: string) => (error: Error) => void;
}

export function openKeys(options: KeysOptions): Keys {
  const { pool, store, wake, seal, previous, warn } = options;
  const log = new KeyLog({ pool, store, operatorTenant: options.operatorTenant });
  const roots = new RootKeys({ pool, log, seal, previous });
  const table = new TenantKeyTable({ pool, log, roots });
  const keyring = new Keyring({ roots, table });
  const onProblem = warn('the keys of the vault cannot be opened, and will be tried again');
  const follower = new KeyFollower({ pool, wake, seal, roots, keyring, onProblem });
  const rootKeyRotation = new RootKeyRotation({ pool, log, roots, seal });
  const tenantKeyRotation = new TenantKeyRotation({ pool, log, roots, keyring, tables: options.tables });
  return {
    sealKind: seal.kind,
    keyring,
    roots,
    follower,
    control: new SealControl({ log, seal, roots, follower, defaults: options.defaults }),
    tenantSeals: new TenantSeals({ pool, log, roots, table, keyring }),
    rootKeyRotation,
    tenantKeyRotation,
    worker: new RotationWorker({
      keyring,
      rootKey: rootKeyRotation,
      tenantKeys: tenantKeyRotation,
      onProblem: warn('a rotation waits'),
      ...(options.graceMs !== undefined && { graceMs: options.graceMs }),
    }),
  };
}
