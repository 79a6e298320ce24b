import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectBus, ensureTopology, serve } from '@gatehouse/bus';
import { Connection } from '@gatehouse/config';
import { grantKeys } from '@gatehouse/contracts';
import { createKeyFile, loadOrCreateEd25519, type SigningKey } from '@gatehouse/crypto';
import { createLocalAuthority, type LocalAuthority } from '@gatehouse/local-servers';
import { migrate, type RunningService, startService } from '@gatehouse/service';
import { IdentityLog, RegistryLog, type RunningProgram, runProgram } from '@gatehouse/service-testing';
import { deviceActions, type GrantClaims, grantKeyOf, signGrant } from '@gatehouse/session';
import {
  freePort,
  type SupervisedChild,
  startTestNats,
  startTestPostgres,
  superviseChild,
  type TestNats,
  type TestPostgres,
  tempDir,
  waitFor,
} from '@gatehouse/testing';
import pg from 'pg';
import { relayService } from '../src/app.module.js';

const policyProgram = fileURLToPath(new URL('../../../policy/dist/src/main.js', import.meta.url));
const relayProgram = fileURLToPath(new URL('../src/main.js', import.meta.url));

export interface Somebody {
  readonly tenantId: string;
  readonly id: string;
  readonly key: string;
  readonly keyId: string;
}

export interface TestRelay {
  readonly id: string;
  readonly port: number;
  readonly service: RunningService;
  stop(): Promise<void>;
}

/** Relays in this process, policy as a process, PostgreSQL and NATS; the events of identity and registry come from the test. */
export interface RelayStack {
  readonly postgres: TestPostgres;
  readonly nats: TestNats;
  readonly adminUrl: string;
  readonly identity: IdentityLog;
  readonly registry: RegistryLog;
  readonly policy: RunningProgram;
  readonly superuser: pg.Pool;
  readonly authority: LocalAuthority;
  /** Signs grants, as the registry does. */
  readonly grantKey: SigningKey;
  /** Environment of a relay of this name. */
  environment(id: string, settings?: Readonly<Record<string, string>>): Promise<NodeJS.ProcessEnv>;
  startRelay(id: string, settings?: Readonly<Record<string, string>>): Promise<TestRelay>;
  /** A service with a key and these roles, once policy and the relay know it. */
  somebody(tenantId: string, name: string, roles: readonly string[]): Promise<Somebody>;
  /** A grant for a shell, unless said otherwise. */
  grant(who: Somebody, deviceId: string, changes?: Partial<GrantClaims>): string;
  /** Events of the relay's log, in order. */
  events(type: string, id?: string): Promise<{ type: string; data: Record<string, unknown> & { reason?: string } }[]>;
  stop(): Promise<void>;
}

export async function startRelayStack(): Promise<RelayStack> {
  const [postgres, nats] = await Promise.all([startTestPostgres(), startTestNats()]);
  const adminUrl = await postgres.createDatabase('gatehouse');
  const files = tempDir('relay');
  const pepper = randomBytes(32);
  const pepperFile = join(files.path, 'pepper');
  createKeyFile(pepperFile, pepper);
  const authority = await createLocalAuthority(join(files.path, 'tls'));
  const grantKey = loadOrCreateEd25519(join(files.path, 'grant.pem'));
  const nc = await connectBus({ servers: nats.url, user: 'setup' });
  await ensureTopology(nc);
  serve(nc, grantKeys, async () => ({ keys: [grantKeyOf(grantKey.publicKey)] }));
  const policy = await runProgram({
    name: 'policy',
    program: policyProgram,
    postgres,
    adminUrl,
    natsUrl: nats.url,
    pepperFile,
    settings: { METADATA_KEY_FILE: join(files.path, 'metadata.pem') },
  });
  await migrate({
    service: 'relay',
    admin: new Connection(adminUrl, 'admin'),
    passwords: { request: 'request-password-1', system: 'system-password-1' },
    migrations: relayService.migrations,
  });
  const superuser = new pg.Pool({ connectionString: adminUrl, max: 2 });
  superuser.on('error', () => undefined);
  const identity = new IdentityLog(nc, pepper);
  const relays = new Set<TestRelay>();
  const environment = async (id: string, settings: Readonly<Record<string, string>> = {}) => ({
    SERVICE_PORT: '0',
    DATABASE_URL: postgres.urlOf('gatehouse', 'gatehouse_relay'),
    DATABASE_SYSTEM_URL: postgres.urlOf('gatehouse', 'gatehouse_relay_system'),
    NATS_URL: nats.url,
    PEPPER_FILE: pepperFile,
    LOG_LEVEL: 'error',
    RELAY_ID: id,
    RELAY_PORT: String(await freePort()),
    RELAY_CERT_FILE: authority.certFile,
    RELAY_KEY_FILE: authority.keyFile,
    RELAY_CA_FILE: authority.caFile,
    RELAY_PEER_KEY_FILE: join(files.path, 'peer.pem'),
    RELAY_LEASE_SECONDS: '2',
    RELAY_RESUME_SECONDS: '2',
    RELAY_DRAIN_SECONDS: '0',
    ...settings,
  });
  const stack: RelayStack = {
    postgres,
    nats,
    adminUrl,
    identity,
    registry: new RegistryLog(nc),
    policy,
    superuser,
    authority,
    grantKey,
    environment,
    async startRelay(id, settings) {
      const env = await environment(id, settings);
      const service = await startService(relayService, env);
      const relay: TestRelay = {
        id,
        port: Number(env.RELAY_PORT),
        service,
        stop: async () => {
          if (relays.delete(relay)) await service.stop();
        },
      };
      relays.add(relay);
      await waitFor(async () => (await fetch(`${await service.app.getUrl()}/readyz`)).ok, { timeoutMs: 60_000 });
      return relay;
    },
    somebody: (tenantId, name, roles) => introduce(stack, tenantId, name, roles),
    grant: (who, deviceId, changes) => signGrant(claimsFor(who, deviceId, changes), grantKey),
    async events(type, id) {
      const { rows } = await superuser.query<{ envelope: string }>(
        'select envelope from relay.events where type like $1 and ($2::text is null or envelope like $2) order by tx, seq',
        [type, id === undefined ? null : `%${id}%`],
      );
      return rows.map(({ envelope }) => JSON.parse(envelope));
    },
    async stop() {
      for (const relay of [...relays]) await relay.stop();
      await policy.stop();
      await superuser.end();
      await nc.close();
      await Promise.all([postgres.stop(), nats.stop()]);
      files.remove();
    },
  };
  return stack;
}

/** What the cases of one spec share: two relays, and an owner of the tenant `acme`. */
export interface SharedRelays {
  readonly stack: RelayStack;
  readonly one: TestRelay;
  readonly other: TestRelay;
  readonly ada: Somebody;
}

export async function startSharedRelays(): Promise<SharedRelays> {
  const stack = await startRelayStack();
  const [one, other] = await Promise.all([stack.startRelay('relay-1'), stack.startRelay('relay-2')]);
  return { stack, one, other, ada: await stack.somebody('acme', 'ada', ['owner']) };
}

/** A relay as a process of its own, that can be killed. */
export async function runRelay(
  stack: RelayStack,
  id: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<{ readonly child: SupervisedChild; readonly port: number }> {
  const env = await stack.environment(id, { LOG_LEVEL: 'info', PATH: process.env.PATH ?? '', ...settings });
  const child = await superviseChild({
    name: id,
    command: process.execPath,
    args: [relayProgram],
    env,
    output: 'pipe',
  });
  let text = '';
  for (const output of [child.stdout, child.stderr]) output?.on('data', (chunk) => (text += String(chunk)));
  await waitFor(() => text.includes('taking devices and clients'), { timeoutMs: 60_000, message: () => text });
  return { child, port: Number(env.RELAY_PORT) };
}

/** Kills a relay whose lease the others see renewed until it starts again: what it left is left to itself. */
export async function killUnnoticed({ superuser }: RelayStack, id: string, child: SupervisedChild): Promise<void> {
  process.kill(child.pid, 'SIGKILL');
  await child.exited;
  await superuser.query(`update relay.relays set seen_at = now() + interval '1 hour' where relay_id = $1`, [id]);
}

function claimsFor(who: Somebody, deviceId: string, changes: Partial<GrantClaims> = {}): GrantClaims {
  const now = Math.floor(Date.now() / 1_000);
  return {
    jti: randomUUID(),
    sid: randomUUID(),
    iss: 'gatehouse/registry',
    aud: deviceId,
    tenantId: who.tenantId,
    subject: { type: 'service', id: who.id },
    credential: who.keyId,
    scope: { kind: 'shell' },
    actions: [deviceActions[0]],
    decisions: [randomUUID()],
    cnf: { x25519: randomBytes(32).toString('base64url') },
    iat: now,
    exp: now + 300,
    ...changes,
  };
}

async function introduce(stack: RelayStack, tenantId: string, name: string, roles: readonly string[]) {
  const { key, keyId } = await stack.identity.createKey(tenantId, name, roles);
  // The relays have heard of the grant as well: or it is the cause that they name for what a spec does next.
  const known = async () => {
    const { rows } = await stack.superuser.query(
      `select from relay.known_keys where key_id = $1 and $3 <= (
         select count(*) from policy.grants where tenant_id = $2 and subject_id = $4 and active)
       and (select (tx, seq) from policy.events where type = 'role.granted' order by tx desc, seq desc limit 1) <= (
         select (tx, seq) from relay.inbox_positions where consumer = 'relay_facts' and source = 'policy')`,
      [keyId, tenantId, roles.length, name],
    );
    return rows.length === 1;
  };
  await waitFor(known, { timeoutMs: 60_000, message: `relay and policy know ${name}` });
  return { tenantId, id: name, key, keyId };
}
