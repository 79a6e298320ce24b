import { randomBytes } from 'node:crypto';
import { credentialOf } from '@gatehouse/authn';
import {
  asTenant,
  type CommandContext,
  type EventStore,
  handle,
  type NewEvent,
  type PostgresEventStore,
} from '@gatehouse/event-store';
import { type Authorize, type Principal, ProblemError } from '@gatehouse/http';
import { commandIdOf } from '@gatehouse/service';
import type pg from 'pg';
import type { Asker } from '../asker.js';
import type { DatabaseRoles } from '../database/database-roles.service.js';
import type { Databases } from '../database/databases.service.js';
import { newPassword } from '../database/password.js';
import { permitted } from '../database/permission.js';
import { targetProblem } from '../database/problems.js';
import type { TargetIdentity } from '../database/target-connection.js';
import { TargetError } from '../database/target-error.js';
import { createRole, renewRole } from '../database/target-roles.js';
import type { Keyring } from '../key/keyring.js';
import { type Lease, type LeaseTerms, leaseDecider, leasePath, leaseStream } from './lease.js';
import {
  concludeRenewal,
  concludeRevoked,
  failRequest,
  issueLease,
  observeTerm,
  requestLease,
  startRenewal,
  startRevocation,
} from './lease-commands.js';
import {
  countOpen,
  type LeaseFilter,
  type LeaseRow,
  leasesOf,
  leaseView,
  selectLeases,
} from './lease-list/lease-rows.js';
import { leaseIdOf, leaseIdPattern, usernameOf } from './lease-name.js';
import { markerInput, writeMarker } from './marker.js';
import type { RoleDropper } from './role-dropper.js';

export interface LeasesOptions {
  readonly store: PostgresEventStore;
  /** Connections of the request role. */
  readonly pool: pg.Pool;
  readonly keyring: Keyring;
  readonly databases: Databases;
  readonly roles: DatabaseRoles;
  readonly dropper: RoleDropper;
}

/** Most leases of one database that have not ended. */
export const maxOpenLeases = 20_000;

/** The credentials of a lease: given once, kept nowhere. */
export interface IssuedLease {
  readonly leaseId: string;
  readonly path: string;
  readonly username: string;
  readonly password: string;
  readonly durationSeconds: number;
  readonly renewable: boolean;
  readonly validUntil: string;
}

export type LeaseView = ReturnType<typeof leaseView>;

/** Credentials of databases for a while: made, prolonged, ended. */
export class Leases {
  readonly #options: LeasesOptions;

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /**
   * Makes an account in the target and gives its password. The intent is recorded before the target hears of it, and the
   * password leaves after the lease is recorded as issued: whatever breaks off between, the lease is known.
   *
   * @throws ProblemError `not_found`, `forbidden`, `too_many_leases`, `credentials_given_already`, `conflict`, `database_unavailable`
   */
  async issue(authorize: Authorize, asker: Asker, roleName: string): Promise<IssuedLease> {
    const context = await permitted(authorize, asker, 'database.credentials', `database-role/${roleName}`);
    const { tenantId } = context;
    const { store, databases, roles, keyring } = this.#options;
    const role = await roles.find(tenantId, roleName);
    if (!role) throw new ProblemError('not_found', 'There is no such role');
    const { config } = await databases.configured(tenantId, role.database);
    if (!config.allowedRoles.some((name) => name === '*' || name === roleName))
      throw new ProblemError('database_refused', 'The database is not configured to allow this role');
    const commandId = commandIdOf(asker.request, asker.caller, `database.credentials.${roleName}`);
    if (commandId !== undefined) refuseRepeated(await store.readCommand(tenantId, commandId));
    const open = await this.#rows(tenantId, (client) => countOpen(client, tenantId, role.database));
    if (open >= maxOpenLeases) throw new ProblemError('too_many_leases');
    const leaseId = leaseIdOf(randomBytes(16));
    const username = usernameOf(tenantId, roleName, leaseId);
    const holder = await this.holderOf(tenantId, asker.caller);
    const password = newPassword();
    const work = async (client: pg.Client, { now: targetNow, targetId }: TargetIdentity): Promise<IssuedLease> => {
      const validUntil = targetNow + role.defaultTtlSeconds * 1_000;
      const maxUntil = targetNow + role.maxTtlSeconds * 1_000;
      const terms: LeaseTerms = { leaseId, database: role.database, role: roleName, username, maxUntil, holder };
      const credential = credentialOf(asker.caller);
      const decide = requestLease(terms, validUntil, credential);
      const requested = await store.together(tenantId, async (log, own) => {
        // Without it nobody would look after the account: the keeper goes by the databases that there are.
        await databases.hold(own, log, tenantId, { name: role.database, targetId });
        return this.#decide(context, leaseId, decide, { commandId, log });
      });
      if (requested.duplicate) refuseRepeated(requested);
      const marker = { leaseId, database: role.database, role: roleName, maxUntil, holder };
      const code = await keyring.fingerprint(tenantId, markerInput(username, marker));
      await createRole(client, {
        username,
        password: await databases.stored(config, password),
        validUntil,
        comment: writeMarker(username, marker, code),
        statements: role.creationStatements,
      });
      await this.#recordIssued(context, leaseId);
      return {
        leaseId,
        path: leasePath(terms),
        username,
        password,
        durationSeconds: role.defaultTtlSeconds,
        renewable: maxUntil > validUntil,
        validUntil: new Date(validUntil).toISOString(),
      };
    };
    return databases
      .with(tenantId, role.database, work)
      .catch((error: unknown) => this.#failed(context, leaseId, error));
  }

  /**
   * Prolongs a lease to `incrementSeconds` from now, or by its role's own time, never beyond its end.
   *
   * @throws ProblemError `not_found`, `lease_ended`, `lease_at_its_end`, `lease_not_issued`, `database_unavailable`
   */
  async renew(authorize: Authorize, asker: Asker, leaseId: string, incrementSeconds?: number): Promise<LeaseView> {
    const row = await this.#row(asker.caller.tenantId, leaseId);
    const context = await this.#permittedOn(authorize, asker, row, 'lease.renew');
    const { databases, roles } = this.#options;
    const role = await roles.find(row.tenant_id, row.role);
    const increment = incrementSeconds || role?.defaultTtlSeconds || 3_600;
    await databases
      .with(row.tenant_id, row.database, async (client, { now }) => {
        const { state } = await this.#decide(context, leaseId, startRenewal(leaseId, now + increment * 1_000, now));
        if (state.status !== 'renewing') return;
        const { validUntil: from, renewUntil: until, terms } = state;
        const statements = role?.renewStatements ?? [];
        const term = await renewRole(client, { username: terms.username, from, until, statements });
        // Null: somebody took the end away. The keeper gives it one again.
        const outcome = term === until ? concludeRenewal(leaseId, until) : observeTerm(leaseId, term ?? from);
        await this.#decide(context, leaseId, outcome);
      })
      .catch(async (error: unknown) => {
        if (!(error instanceof TargetError)) throw error;
        if (error.code !== 'role_missing') throw targetProblem(error);
        await this.#decide(context, leaseId, concludeRevoked(leaseId, 'missing'));
        throw new ProblemError('lease_ended', 'The database has no such role any more');
      });
    return leaseView(await this.#row(row.tenant_id, leaseId));
  }

  /**
   * Ends a lease. The intent counts from when it is recorded; the account is ended at once where the target can be
   * reached, and by the keeper otherwise.
   */
  async revoke(authorize: Authorize, asker: Asker, leaseId: string, note?: string): Promise<LeaseView> {
    const row = await this.#row(asker.caller.tenantId, leaseId);
    const context = await this.#permittedOn(authorize, asker, row, 'lease.revoke');
    await this.#revoke(context, leaseId, note);
    await this.#options.dropper.tryNow(row.tenant_id, leaseId);
    return leaseView(await this.#row(row.tenant_id, leaseId));
  }

  /**
   * Ends up to `limit` leases of a selection; the keeper does the rest of the work.
   *
   * @returns how many are being ended now, and whether there are more
   */
  async revokeMany(
    authorize: Authorize,
    asker: Asker,
    selection: LeaseSelection,
    note?: string,
    limit = 500,
  ): Promise<{ revoking: number; more: boolean }> {
    const resource = selection.role === undefined ? 'tenant/leases' : `database-role/${selection.role}`;
    const context = await permitted(authorize, asker, 'lease.revoke', resource);
    const rows = await this.#select(context.tenantId, { ...selection, open: true }, limit + 1);
    for (const row of rows.slice(0, limit)) await this.#revoke(context, row.lease_id, note);
    return { revoking: Math.min(rows.length, limit), more: rows.length > limit };
  }

  async show(authorize: Authorize, asker: Asker, leaseId: string): Promise<LeaseView> {
    const row = await this.#row(asker.caller.tenantId, leaseId);
    await this.#permittedOn(authorize, asker, row, 'lease.read');
    return leaseView(row);
  }

  async list(authorize: Authorize, asker: Asker, selection: LeaseSelection, limit: number, cursor?: string) {
    const { tenantId } = await permitted(authorize, asker, 'lease.read', 'tenant/leases');
    const rows = await this.#select(tenantId, { ...selection, cursor }, limit + 1);
    const page = rows.slice(0, limit);
    return {
      leases: page.map(leaseView),
      nextCursor: rows.length > limit ? (page.at(-1)?.lease_id ?? null) : null,
    };
  }

  /** A keyed pseudonym: in the target it says nothing, and by it the leases of somebody are found again. */
  async holderOf(tenantId: string, { type, id }: Pick<Principal, 'type' | 'id'>): Promise<string> {
    const code = await this.#options.keyring.fingerprint(tenantId, `lease-holder\0${type}\0${id}`);
    return code.toString('base64url').slice(0, 22);
  }

  async #recordIssued(context: CommandContext, leaseId: string): Promise<void> {
    try {
      await this.#decide(context, leaseId, issueLease(leaseId));
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      // Given up while it was made: nobody has the password, and nobody will.
      await this.#decide(context, leaseId, startRevocation(leaseId, 'undelivered'));
      throw new ProblemError('database_unavailable', 'It took too long', { retryAfterSeconds: 5, cause: error });
    }
  }

  /** Certain that there is no account: the lease failed. Not certain: it stays as it is, and the keeper will see. */
  async #failed(context: CommandContext, leaseId: string, error: unknown): Promise<never> {
    if (!(error instanceof TargetError)) throw error;
    if (error.outcome === 'none') await this.#decide(context, leaseId, failRequest(leaseId, error.code));
    throw targetProblem(error);
  }

  #revoke(context: CommandContext, leaseId: string, note: string | undefined) {
    return this.#decide(context, leaseId, startRevocation(leaseId, 'requested', note));
  }

  #decide(
    context: CommandContext,
    leaseId: string,
    decide: (lease: Lease) => readonly NewEvent[],
    { commandId, log = this.#options.store }: { commandId?: string | undefined; log?: EventStore } = {},
  ) {
    return handle(log, leaseDecider, {
      streamId: leaseStream(leaseId),
      context: { ...context, now: Date.now() },
      ...(commandId !== undefined && { commandId }),
      decide,
    });
  }

  /** Who holds a lease may do with it what he may by its role; others need the action itself. */
  async #permittedOn(authorize: Authorize, asker: Asker, row: LeaseRow, action: string): Promise<CommandContext> {
    const own = row.holder !== null && row.holder === (await this.holderOf(row.tenant_id, asker.caller));
    return own
      ? permitted(authorize, asker, 'database.credentials', `database-role/${row.role}`)
      : permitted(authorize, asker, action, `lease/${row.lease_id}`);
  }

  /** @throws ProblemError `not_found`, for a lease of another tenant too */
  async #row(tenantId: string, leaseId: string): Promise<LeaseRow> {
    const ids = leaseIdPattern.test(leaseId) ? [leaseId] : [];
    const [row] = await this.#rows(tenantId, (client) => leasesOf(client, tenantId, ids));
    if (!row) throw new ProblemError('not_found', 'There is no such lease');
    return row;
  }

  /** As PostgreSQL shows them to that tenant. */
  #rows<T>(tenantId: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    return asTenant(this.#options.pool, tenantId, work);
  }

  async #select(tenantId: string, selection: LeaseSelection & { cursor?: string | undefined }, limit: number) {
    const { principal, ...rest } = selection;
    const filter = { ...rest, holder: principal && (await this.holderOf(tenantId, principal)) };
    return this.#rows(tenantId, (client) => selectLeases(client, tenantId, filter, limit));
  }
}

/** Which leases: all members together. */
export interface LeaseSelection extends Omit<LeaseFilter, 'holder' | 'cursor'> {
  readonly principal?: { readonly type: string; readonly id: string } | undefined;
}

/** The password was in the first answer and is nowhere now: a repeated request must not quietly make a second account. */
function refuseRepeated(before: { readonly events: readonly { readonly data: object }[] } | undefined): void {
  if (!before) return;
  const { leaseId } = (before.events[0]?.data ?? {}) as { leaseId?: string };
  throw new ProblemError('credentials_given_already', 'Revoke the lease and ask with another key', {
    members: { leaseId },
  });
}
