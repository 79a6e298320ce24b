import { randomUUID } from 'node:crypto';
import type { LoginMethod } from '@gatehouse/contracts';
import { type CommandContext, handle, type PostgresEventStore, type Query } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import { recordableSettings } from './recordable-settings.js';
import './login-problems.js';

type Client = Pick<Query, 'query'>;

export interface LoginRole<S = Readonly<Record<string, unknown>>> {
  readonly tenantId: string;
  readonly roleId: string;
  readonly method: LoginMethod;
  readonly name: string;
  readonly settings: S;
  /** What a login names it by: the `role_id` of an AppRole. */
  readonly loginId: string;
}

const maxRoles = 1_000;
const columns = `tenant_id as "tenantId", role_id as "roleId", method, name, settings, login_id as "loginId"`;
const anyState = { initialState: null, evolve: () => null };

/** The roles that programs log in to. */
export class LoginRoles {
  /**
   * @param system connections of the system role: a login does not tell its tenant
   * @param onRemoved its tokens open nothing more: this replica need not wait until it is notified
   */
  constructor(
    private readonly store: PostgresEventStore,
    private readonly system: Query,
    private readonly onRemoved: () => void,
  ) {}

  async find(tenantId: string, method: LoginMethod, name: string): Promise<LoginRole | undefined> {
    const { rows } = await this.system.query<LoginRole>({
      name: 'login-role-by-name',
      text: `select ${columns} from login_roles where tenant_id = $1 and method = $2 and name = $3`,
      values: [tenantId, method, name],
    });
    return rows[0];
  }

  /** @throws ProblemError `not_found` */
  async get(tenantId: string, method: LoginMethod, name: string): Promise<LoginRole> {
    const found = await this.find(tenantId, method, name);
    if (!found) throw new ProblemError('not_found', 'There is no such role');
    return found;
  }

  /**
   * The AppRole that a `role_id` names. One that was made here is unique among all tenants; one that somebody chose
   * counts in his tenant only, so that nobody can choose one of another tenant and stand in its way.
   */
  async byLoginId(loginId: string, tenantId: string | undefined): Promise<LoginRole | undefined> {
    const { rows } = await this.system.query<LoginRole>({
      name: 'login-role-by-id',
      text: `select ${columns} from login_roles where method = 'approle' and login_id = $1
        and (tenant_id = $2 or ($2::text is null and not login_id_chosen))`,
      values: [loginId, tenantId ?? null],
    });
    return rows[0];
  }

  async names(tenantId: string, method: LoginMethod): Promise<readonly string[]> {
    const { rows } = await this.system.query<{ name: string }>(
      'select name from login_roles where tenant_id = $1 and method = $2 order by name limit $3',
      [tenantId, method, maxRoles],
    );
    return rows.map(({ name }) => name);
  }

  /** Makes a role, or replaces the settings of one. @throws ProblemError `too_many_login_roles` */
  async write(role: Pick<LoginRole, 'tenantId' | 'method' | 'name' | 'settings'>, context: CommandContext) {
    const { tenantId, method, name, settings } = role;
    await this.store.together(tenantId, async (log, client) => {
      const made = randomUUID();
      const { rows } = await client.query<{ role_id: string }>(
        `insert into login_roles (tenant_id, role_id, method, name, settings, login_id, login_id_chosen, created_at)
         values ($1, $2, $3, $4, $5, $6, false, $7)
         on conflict (tenant_id, method, name) do update set settings = excluded.settings returning role_id`,
        [tenantId, made, method, name, settings, made, new Date(context.now)],
      );
      const roleId = rows[0]?.role_id ?? made;
      if (roleId === made) await assertRoom(client, tenantId);
      await append(log, context, roleId, 'login_role.written', {
        roleId,
        method,
        name,
        settings: recordableSettings(settings),
      });
    });
  }

  /** @throws ProblemError `login_role_taken` */
  async chooseLoginId(
    { tenantId, roleId, method, name, settings }: LoginRole,
    loginId: string,
    context: CommandContext,
  ) {
    await this.store.together(tenantId, async (log, client) => {
      const { rows } = await client.query(
        'select from login_roles where tenant_id = $1 and login_id = $2 and role_id <> $3',
        [tenantId, loginId, roleId],
      );
      if (rows.length > 0) throw new ProblemError('login_role_taken');
      await client.query(
        'update login_roles set login_id = $3, login_id_chosen = true where tenant_id = $1 and role_id = $2',
        [tenantId, roleId, loginId],
      );
      const data = { roleId, method, name, settings: recordableSettings(settings) };
      await append(log, context, roleId, 'login_role.written', data);
    });
  }

  /** With it go its secret ids, and its tokens open nothing more. What is not there stays away. */
  async remove(tenantId: string, method: LoginMethod, name: string, context: CommandContext): Promise<void> {
    const removed = await this.store.together(tenantId, async (log, client) => {
      const { rows } = await client.query<{ role_id: string }>(
        'delete from login_roles where tenant_id = $1 and method = $2 and name = $3 returning role_id',
        [tenantId, method, name],
      );
      const roleId = rows[0]?.role_id;
      if (roleId) await append(log, context, roleId, 'login_role.removed', { roleId, method, name });
      return roleId !== undefined;
    });
    // Of a role that was not there nothing is forgotten: anybody could have everybody's tokens read anew, for ever.
    if (removed) this.onRemoved();
  }
}

async function assertRoom(client: Client, tenantId: string): Promise<void> {
  const { rows } = await client.query<{ count: number }>(
    'select count(*)::int as count from login_roles where tenant_id = $1',
    [tenantId],
  );
  if ((rows[0]?.count ?? 0) > maxRoles) throw new ProblemError('too_many_login_roles');
}

type Log = Parameters<typeof handle>[0];

/** One more event of a role. */
export const append = (log: Log, context: CommandContext, roleId: string, type: string, data: object) =>
  handle(log, anyState, { streamId: `login-role:${roleId}`, context, decide: () => [{ type, version: 1, data }] });
