import { randomUUID } from 'node:crypto';
import type { DatabaseConfigured } from '@gatehouse/contracts';
import { asTenant, type CommandContext, handle } from '@gatehouse/event-store';
import { type Authorize, ProblemError } from '@gatehouse/http';
import type pg from 'pg';
import type { Asker } from '../asker.js';
import { leaseDecider, leaseStream } from '../lease/lease.js';
import { abandonLease } from '../lease/lease-commands.js';
import { countOpen, openLeases } from '../lease/lease-list/lease-rows.js';
import { AddressRefused, parseConnectionUrl } from './connection-url.js';
import { type Database, databaseEvent } from './database.js';
import type { DatabaseInput } from './database-input.js';
import { type DatabaseSecret, forgetSecrets, sealSecret, storeSecret } from './database-secrets.js';
import { type Databases, type DatabasesOptions, lockDatabase } from './databases.service.js';
import { newPassword } from './password.js';
import { permitted } from './permission.js';
import { targetProblem } from './problems.js';
import { type TargetLogin, withTarget } from './target-connection.js';
import { TargetError } from './target-error.js';

export interface DatabaseConfigsOptions extends DatabasesOptions {
  readonly databases: Databases;
}

/** What administrators do with targets: configure them, have our own password there changed, remove them. */
export class DatabaseConfigs {
  readonly #options: DatabaseConfigsOptions;

  constructor(options: DatabaseConfigsOptions) {
    this.#options = options;
  }

  /** What may be shown: everything but the password. */
  async view(authorize: Authorize, asker: Asker, name: string): Promise<DatabaseConfigured> {
    await permitted(authorize, asker, 'database.read', `database/${name}`);
    return (await this.#options.databases.configured(asker.caller.tenantId, name)).config;
  }

  /** @throws ProblemError `database_refused`, `database_has_leases`, `validation_failed` */
  async configure(authorize: Authorize, asker: Asker, name: string, input: DatabaseInput): Promise<void> {
    const context = await permitted(authorize, asker, 'database.write', `database/${name}`);
    const { tenantId } = context;
    const before = await this.#options.databases.state(tenantId, name);
    const address = addressOf(input);
    const secret = await this.#secretFor(tenantId, input, before, address);
    const login: TargetLogin = { ...address, ...tlsOf(input), password: secret.password, tlsKey: secret.tlsKey };
    const targetId = await this.#examine(login);
    const leaves = before.status === 'configured' && before.config.targetId !== targetId;
    if (leaves) await this.#leaveServer(tenantId, name, input.abandon_leases, context);
    const databaseId = before.status === 'configured' ? before.config.databaseId : randomUUID();
    const version = 1 + versionOf(before);
    const place = { tenantId, ownerId: databaseId, version };
    const sealed = await sealSecret(this.#options.keyring, place, secret);
    const config: DatabaseConfigured = {
      name,
      databaseId,
      ...address,
      ...tlsOf(input),
      passwordAuthentication: input.password_authentication,
      allowedRoles: [...input.allowed_roles],
      targetId,
      secretVersion: version,
    };
    await this.#options.store.together(tenantId, async (log, client) => {
      await lockDatabase(client, tenantId, name, 'update');
      // Of one that was begun since the others were given up, nobody would look after what it left there.
      if (leaves && (await countOpen(client, tenantId, name)) > 0) throw new ProblemError('database_has_leases');
      await this.#options.databases.append(log, name, context, (state) => {
        if (versionOf(state) !== version - 1) throw new ProblemError('conflict', 'Somebody else is changing it');
        return [databaseEvent('database.configured', config)];
      });
      await storeSecret(client, place, sealed);
      await forgetSecrets(client, tenantId, databaseId, version);
    });
  }

  /** @throws ProblemError `database_has_leases` */
  async remove(authorize: Authorize, asker: Asker, name: string): Promise<void> {
    const context = await permitted(authorize, asker, 'database.write', `database/${name}`);
    const { tenantId } = context;
    const { config } = await this.#options.databases.configured(tenantId, name);
    await this.#options.store.together(tenantId, async (log, client) => {
      await lockDatabase(client, tenantId, name, 'update');
      const { rows } = await client.query(
        `select from database_entries where tenant_id = $1 and database = $2 and kind <> 'database' limit 1`,
        [tenantId, name],
      );
      if (rows.length > 0 || (await countOpen(client, tenantId, name)) > 0)
        throw new ProblemError('database_has_leases');
      await forgetSecrets(client, tenantId, config.databaseId);
      await this.#options.databases.append(log, name, context, (state) =>
        state.status === 'configured' ? [databaseEvent('database.removed', { name })] : [],
      );
    });
  }

  /** Changes our own password there: afterwards nobody else knows it. */
  async rotateRoot(authorize: Authorize, asker: Asker, name: string): Promise<void> {
    const context = await permitted(authorize, asker, 'database.write', `database/${name}`);
    const { tenantId } = context;
    const { config, secretVersion, pending } = await this.#options.databases.configured(tenantId, name);
    if (pending === undefined) {
      const secret = await this.#options.databases.secret(tenantId, config.databaseId, secretVersion);
      const place = { tenantId, ownerId: config.databaseId, version: secretVersion + 1 };
      const sealed = await sealSecret(this.#options.keyring, place, { ...secret, password: newPassword() });
      // The new password is kept before it is set: whichever of the two the target has by then, one of ours opens it.
      await this.#options.store.together(tenantId, async (log, client) => {
        const { events } = await this.#options.databases.append(log, name, context, (state) =>
          state.status === 'configured' && versionOf(state) === secretVersion
            ? [databaseEvent('database.root_rotation_started', { name, secretVersion: place.version })]
            : [],
        );
        // Somebody else began meanwhile: his password is the one that is sealed.
        if (events.length > 0) await storeSecret(client, place, sealed);
      });
    }
    await this.#options.databases
      .with(tenantId, name, async () => undefined)
      .catch((error: unknown) => {
        throw error instanceof TargetError ? targetProblem(error) : error;
      });
  }

  /**
   * The password that was stored goes to the server it was stored for, and to no other: whoever may write configurations
   * could read it by sending it to a server of his own.
   */
  async #secretFor(
    tenantId: string,
    input: DatabaseInput,
    before: Database,
    address: ReturnType<typeof addressOf>,
  ): Promise<DatabaseSecret> {
    if (input.password !== undefined) return { password: input.password, tlsKey: input.private_key };
    const same = before.status === 'configured' && isSame(before.config, { ...address, ...tlsOf(input) });
    if (!same || before.status !== 'configured' || before.pending !== undefined) {
      const errors = [{ path: 'body.password', message: 'is required for another address, account or encryption' }];
      throw new ProblemError('validation_failed', undefined, { errors });
    }
    const kept = await this.#options.databases.secret(tenantId, before.config.databaseId, before.secretVersion);
    return { ...kept, ...(input.private_key !== undefined && { tlsKey: input.private_key }) };
  }

  /** Logs in and looks who is there. */
  async #examine(login: TargetLogin): Promise<string> {
    try {
      return await withTarget(login, this.#options.reach, async (client, { targetId }) => {
        if ((await whoIs(client)) === (await whoIs(this.#options.pool))) throw new TargetError('own_server');
        return targetId;
      });
    } catch (error) {
      throw error instanceof TargetError ? targetProblem(error, true) : error;
    }
  }

  async #leaveServer(tenantId: string, name: string, abandon: boolean, context: CommandContext) {
    const { pool, store } = this.#options;
    const leases = await asTenant(pool, tenantId, (client) => openLeases(client, tenantId, name));
    if (leases.length > 0 && !abandon)
      throw new ProblemError('database_has_leases', 'Another server stands there: say abandon_leases to give them up');
    for (const { leaseId } of leases)
      await handle(store, leaseDecider, {
        streamId: leaseStream(leaseId),
        context,
        decide: abandonLease(leaseId, 'another server stands under the address'),
      });
  }
}

/** Of the newest password that was ever sealed for this incarnation. */
const versionOf = (state: Database): number =>
  state.status === 'configured' ? Math.max(state.secretVersion, state.pending ?? 0) : 0;

/** One running server: its identifier may be shared by copies of its files, the moment of its start is not. */
async function whoIs(query: Pick<pg.ClientBase, 'query'> | pg.Pool): Promise<string> {
  const { rows } = await query.query<{ id: string }>(
    `select system_identifier || ' ' || extract(epoch from pg_postmaster_start_time()) as id from pg_control_system()`,
  );
  return rows[0]?.id ?? '';
}

function addressOf({ connection_url, username }: DatabaseInput) {
  const invalid = (path: string, message: string) =>
    new ProblemError('validation_failed', undefined, { errors: [{ path, message }] });
  try {
    const { username: named, ...address } = parseConnectionUrl(connection_url);
    const account = username ?? named;
    if (account === undefined) throw invalid('body.username', 'is required');
    return { ...address, username: account };
  } catch (error) {
    if (error instanceof AddressRefused) throw invalid('body.connection_url', error.reason);
    throw error;
  }
}

const tlsOf = ({ tls_ca, tls_certificate, tls_server_name }: DatabaseInput) => ({
  ...(tls_ca !== undefined && { tlsCa: tls_ca }),
  ...(tls_certificate !== undefined && { tlsCertificate: tls_certificate }),
  ...(tls_server_name !== undefined && { tlsServerName: tls_server_name }),
});

const decisive = [
  'host',
  'port',
  'database',
  'username',
  'sslmode',
  'tlsCa',
  'tlsCertificate',
  'tlsServerName',
] as const;

const isSame = (config: DatabaseConfigured, other: Partial<DatabaseConfigured>): boolean =>
  decisive.every((member) => config[member] === other[member]);
