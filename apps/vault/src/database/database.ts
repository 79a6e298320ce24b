import type {
  DatabaseConfigured,
  DatabaseRoleWritten,
  DatabaseRootRotationStarted,
  Envelope,
  StaticRoleRotated,
  StaticRoleRotationStarted,
  StaticRoleWritten,
} from '@gatehouse/contracts';
import type { Decider, NewEvent } from '@gatehouse/event-store';

/** A target for credentials. The version of its sealed password is `secretVersion`; `pending` is one that is being set. */
export type Database =
  | { readonly status: 'none' }
  | {
      readonly status: 'configured';
      readonly config: DatabaseConfigured;
      readonly secretVersion: number;
      readonly pending?: number;
      /** Its leases cannot be kept at present, and somebody was told. */
      readonly unreachable: boolean;
    }
  | { readonly status: 'removed'; readonly config: DatabaseConfigured };

export const databaseDecider: Decider<Database> = {
  initialState: { status: 'none' },
  evolve: (state, { type, data }: Envelope): Database => {
    if (type === 'database.configured') {
      const config = data as DatabaseConfigured;
      return { status: 'configured', config, secretVersion: config.secretVersion, unreachable: false };
    }
    if (state.status !== 'configured') return state;
    const { secretVersion } = data as DatabaseRootRotationStarted;
    const { pending: _pending, ...settled } = state;
    if (type === 'database.removed') return { status: 'removed', config: state.config };
    if (type === 'database.root_rotation_started') return { ...state, pending: secretVersion };
    if (type === 'database.root_rotated') return { ...settled, secretVersion };
    if (type === 'database.unreachable') return { ...state, unreachable: true };
    return type === 'database.reachable' ? { ...state, unreachable: false } : state;
  },
};

export const databaseEvent = (type: `database.${string}`, data: object): NewEvent => ({ type, version: 1, data });

/** What credentials are made by. */
export type DatabaseRole =
  | { readonly status: 'none' | 'removed' }
  | { readonly status: 'written'; readonly role: DatabaseRoleWritten };

export const databaseRoleDecider: Decider<DatabaseRole> = {
  initialState: { status: 'none' },
  evolve: (state, { type, data }: Envelope): DatabaseRole => {
    if (type === 'database_role.written') return { status: 'written', role: data as DatabaseRoleWritten };
    return type === 'database_role.removed' ? { status: 'removed' } : state;
  },
};

/** A role of the target that exists by itself and whose password we change. */
export type StaticRole =
  | { readonly status: 'none' | 'removed' }
  | {
      readonly status: 'written';
      readonly role: StaticRoleWritten;
      /** Of the password that is known to be set; 0 before the first. */
      readonly secretVersion: number;
      /** Of the one that is being set: the target has one of the two. */
      readonly pending?: number;
      /** When the last rotation was confirmed, Unix milliseconds; 0 for never. */
      readonly rotatedAt: number;
      /** When the next is due, Unix milliseconds. */
      readonly nextAt: number;
      readonly alarmed: boolean;
    };

export const staticRoleDecider: Decider<StaticRole> = {
  initialState: { status: 'none' },
  evolve: (state, { type, data, occurredAt }: Envelope): StaticRole => {
    if (type === 'static_role.written') {
      const role = data as StaticRoleWritten;
      const nextAt = Date.parse(role.nextAt);
      if (state.status === 'written' && state.role.roleId === role.roleId) return { ...state, role, nextAt };
      return { status: 'written', role, secretVersion: 0, rotatedAt: 0, nextAt, alarmed: false };
    }
    if (state.status !== 'written') return state;
    const { secretVersion } = data as StaticRoleRotationStarted;
    const { pending: _pending, ...settled } = state;
    if (type === 'static_role.removed') return { status: 'removed' };
    if (type === 'static_role.rotation_started') return { ...state, pending: secretVersion };
    if (type === 'static_role.rotated') {
      const nextAt = Date.parse((data as StaticRoleRotated).nextAt);
      return { ...settled, secretVersion, rotatedAt: Date.parse(occurredAt), nextAt, alarmed: false };
    }
    return type === 'static_role.rotation_failing' ? { ...state, alarmed: true } : state;
  },
};

/** Whether this version of a password is the one that is being set. */
export const isPending = (state: Database | StaticRole, version: number): boolean =>
  'pending' in state && state.pending === version;

export const databaseStream = (name: string): string => `database:${name}`;
export const databaseRoleStream = (name: string): string => `database-role:${name}`;
export const staticRoleStream = (name: string): string => `static-role:${name}`;
