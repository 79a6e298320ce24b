import { randomUUID } from 'node:crypto';
import type { StaticRoleWritten } from '@gatehouse/contracts';
import { fold, handle, type PostgresEventStore } from '@gatehouse/event-store';
import { type Authorize, ProblemError } from '@gatehouse/http';
import type pg from 'pg';
import type { Asker } from '../asker.js';
import type { Keyring } from '../key/keyring.js';
import { isPending, type StaticRole, staticRoleDecider, staticRoleStream } from './database.js';
import type { StaticRoleInput } from './database-input.js';
import { forgetSecrets, openSecret, sealSecret, storeSecret } from './database-secrets.js';
import type { Databases } from './databases.service.js';
import { newPassword } from './password.js';
import { ownContext, permitted } from './permission.js';
import { targetProblem } from './problems.js';
import { TargetError } from './target-error.js';
import { setPassword } from './target-roles.js';

export interface StaticRolesOptions {
  readonly store: PostgresEventStore;
  readonly keyring: Keyring;
  readonly pool: pg.Pool;
  readonly databases: Databases;
}

export interface StaticCredentials {
  readonly username: string;
  readonly password: string;
  readonly rotatedAt: number;
  readonly periodSeconds: number;
}

type Written = Extract<StaticRole, { status: 'written' }>;

const nextAt = (periodSeconds: number, from = Date.now()): string =>
  new Date(from + periodSeconds * 1_000).toISOString();

/** Accounts of a target that exist by themselves, whose passwords are ours to change. */
export class StaticRoles {
  readonly #options: StaticRolesOptions;

  constructor(options: StaticRolesOptions) {
    this.#options = options;
  }

  async view(authorize: Authorize, asker: Asker, name: string): Promise<Written> {
    await permitted(authorize, asker, 'database.read', `database-static-role/${name}`);
    return this.#written(asker.caller.tenantId, name);
  }

  /**
   * Takes an account over: its password is changed at once, so that nobody else has it.
   *
   * @throws ProblemError `database_refused` for another account under the same name, or the one that we log in with
   */
  async write(authorize: Authorize, asker: Asker, name: string, input: StaticRoleInput): Promise<void> {
    const context = await permitted(authorize, asker, 'database.write', `database-static-role/${name}`);
    const { tenantId } = context;
    const { config } = await this.#options.databases.configured(tenantId, input.db_name);
    if (config.username === input.username)
      throw new ProblemError('database_refused', 'It is the account that the vault logs in with: use rotate-root');
    const state = await this.#load(tenantId, name);
    const known = state.status === 'written' ? state.role : undefined;
    if (known && (known.database !== input.db_name || known.username !== input.username))
      throw new ProblemError('database_refused', 'A static role keeps its account: remove it first');
    const rotatedAt = state.status === 'written' && state.rotatedAt > 0 ? state.rotatedAt : undefined;
    const role: StaticRoleWritten = {
      name,
      roleId: known?.roleId ?? randomUUID(),
      database: input.db_name,
      username: input.username,
      rotationPeriodSeconds: input.rotation_period,
      rotationStatements: input.rotation_statements,
      nextAt: rotatedAt === undefined ? new Date().toISOString() : nextAt(input.rotation_period, rotatedAt),
    };
    await handle(this.#options.store, staticRoleDecider, {
      streamId: staticRoleStream(name),
      context,
      decide: () => [{ type: 'static_role.written', version: 1, data: role }],
    });
    if (!known) await this.#rotateFor(tenantId, name);
  }

  async remove(authorize: Authorize, asker: Asker, name: string): Promise<void> {
    const context = await permitted(authorize, asker, 'database.write', `database-static-role/${name}`);
    const { role } = await this.#written(context.tenantId, name);
    await this.#options.store.together(context.tenantId, async (log, client) => {
      await forgetSecrets(client, context.tenantId, role.roleId);
      await handle(log, staticRoleDecider, {
        streamId: staticRoleStream(name),
        context,
        decide: ({ status }) =>
          status === 'written' ? [{ type: 'static_role.removed', version: 1, data: { name } }] : [],
      });
    });
  }

  /** @throws ProblemError `rotation_pending` while it is not known which of two passwords the account has */
  async credentials(authorize: Authorize, asker: Asker, name: string): Promise<StaticCredentials> {
    const { tenantId } = asker.caller;
    const before = await this.#load(tenantId, name);
    const noted = before.status === 'written' ? { version: before.secretVersion } : undefined;
    await permitted(authorize, asker, 'database.credentials', `database-static-role/${name}`, noted);
    let state = await this.#written(tenantId, name);
    if (state.pending !== undefined || state.secretVersion === 0) {
      await this.#rotateFor(tenantId, name);
      state = await this.#written(tenantId, name);
    }
    const { role, secretVersion: version, rotatedAt } = state;
    if (version === 0) throw new ProblemError('rotation_pending', undefined, { retryAfterSeconds: 5 });
    const { keyring, pool } = this.#options;
    const { password } = await openSecret(keyring, pool, { tenantId, ownerId: role.roleId, version });
    return { username: role.username, password, rotatedAt, periodSeconds: role.rotationPeriodSeconds };
  }

  async rotateNow(authorize: Authorize, asker: Asker, name: string): Promise<void> {
    const { tenantId } = await permitted(authorize, asker, 'database.write', `database-static-role/${name}`);
    await this.#written(tenantId, name);
    await this.#rotateFor(tenantId, name);
  }

  /**
   * Changes the password, or finishes a change that began: the new one is sealed and named in the log before the target
   * has it, and the old one is kept until the target confirmed. Done twice, it sets the same password twice.
   *
   * @param dueAt begins nothing that is not due by then, Unix milliseconds: whoever looks for what is due may come late
   * @throws TargetError; ProblemError `sealed`
   */
  async rotate(tenantId: string, name: string, dueAt = Number.POSITIVE_INFINITY): Promise<void> {
    const { keyring, store, pool, databases } = this.#options;
    const state = await this.#load(tenantId, name);
    if (state.status !== 'written' || (state.pending === undefined && state.nextAt > dueAt)) return;
    const { role } = state;
    const version = state.pending ?? state.secretVersion + 1;
    const place = { tenantId, ownerId: role.roleId, version };
    if (state.pending === undefined) {
      const sealed = await sealSecret(keyring, place, { password: newPassword() });
      await store.together(tenantId, async (log, client) => {
        const { events } = await this.#append(log, tenantId, name, (now) =>
          now.status === 'written' && now.pending === undefined && now.secretVersion === version - 1
            ? [{ type: 'static_role.rotation_started', version: 1, data: { name, secretVersion: version } }]
            : [],
        );
        // Somebody else began meanwhile: his password is the one that is sealed.
        if (events.length > 0) await storeSecret(client, place, sealed);
      });
    }
    const { password } = await openSecret(keyring, pool, place);
    const { config } = await databases.configured(tenantId, role.database);
    const stored = await databases.stored(config, password);
    const { username, rotationStatements: statements } = role;
    const isWanted = async () => isPending(await this.#load(tenantId, name), version);
    await databases.with(tenantId, role.database, (client) =>
      setPassword(client, { username, password: stored, statements, isWanted }),
    );
    await store.together(tenantId, async (log, client) => {
      const { events } = await this.#append(log, tenantId, name, (now) =>
        isPending(now, version)
          ? [
              {
                type: 'static_role.rotated',
                version: 1,
                data: { name, secretVersion: version, nextAt: nextAt(role.rotationPeriodSeconds) },
              },
            ]
          : [],
      );
      if (events.length > 0) await forgetSecrets(client, tenantId, role.roleId, version);
    });
  }

  /** The alarm, once a rotation. */
  async reportFailing(tenantId: string, name: string, failures: number, error: string): Promise<void> {
    await this.#append(this.#options.store, tenantId, name, (state) =>
      state.status === 'written' && !state.alarmed
        ? [{ type: 'static_role.rotation_failing', version: 1, data: { name, failures, error } }]
        : [],
    );
  }

  async #rotateFor(tenantId: string, name: string): Promise<void> {
    await this.rotate(tenantId, name).catch((error: unknown) => {
      throw error instanceof TargetError ? targetProblem(error) : error;
    });
  }

  #append(
    log: Parameters<typeof handle>[0],
    tenantId: string,
    name: string,
    decide: Parameters<typeof handle<StaticRole>>[2]['decide'],
  ) {
    const context = ownContext(tenantId);
    return handle(log, staticRoleDecider, { streamId: staticRoleStream(name), context, decide });
  }

  async #load(tenantId: string, name: string): Promise<StaticRole> {
    return fold(staticRoleDecider, (await this.#options.store.read(tenantId, staticRoleStream(name))).events);
  }

  async #written(tenantId: string, name: string): Promise<Written> {
    const state = await this.#load(tenantId, name);
    if (state.status !== 'written') throw new ProblemError('not_found', 'There is no such static role');
    return state;
  }
}
