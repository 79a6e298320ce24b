import { chownSync, copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { canTraverse, installedNatsServer, startNats, startPostgres } from '@gatehouse/local-servers';
import { freePort, superviseChild, tempDir, waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { readCompose, repository } from './compose-file.fixture.js';
import { ComposeRun } from './compose-run.fixture.js';
import { projectFolder, secretFiles } from './project-folder.js';

/*
 * From init.mjs to an entry in the ledger, with the commands and the environments of docker-compose.yml: against a
 * PostgreSQL and a NATS that are just there, as in an installation without Docker.
 */
const dir = tempDir('compose');
const project = join(dir.path, 'project');
const folder = projectFolder(project);
const files = secretFiles(folder.secrets);
const compose = readCompose();
const account = containerAccount();
const stops: (() => Promise<unknown>)[] = [];
let run: ComposeRun;
let ports: Record<string, number>;
let monitorUrl: string;

async function init(): Promise<void> {
  mkdirSync(project);
  copyFileSync(join(repository, 'docker-compose.yml'), join(project, 'docker-compose.yml'));
  const args = [join(repository, 'deploy/compose/init.mjs'), '--project', project, '--email', 'owner@example.org'];
  const child = await superviseChild({ name: 'init', command: process.execPath, args, output: 'ignore' });
  expect(await child.exited).toEqual({ code: 0, signal: null });
  if (account.uid !== undefined) return;
  for (const path of [folder.secrets, folder.owner]) giveToSelf(path);
}

/**
 * Started by root, everything runs as the user of the containers, with the files as init.mjs left them. Where that
 * user may not enter the checkout, and for everybody else, whoever runs this is the user of the containers.
 */
function containerAccount(): { uid?: number; gid?: number } {
  const usual = { uid: 1_000, gid: 1_000 };
  return process.getuid?.() === 0 && canTraverse(repository, usual) ? usual : {};
}

function giveToSelf(path: string): void {
  const below = readdirSync(path, { recursive: true, encoding: 'utf8' }).map((name) => join(path, name));
  for (const each of [path, ...below]) chownSync(each, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
}

/** With the settings of the file's command. It asks for passwords. */
async function startDatabase(): Promise<number> {
  const { command = [], environment = {} } = compose.services.postgres ?? {};
  const settings = command
    .flatMap((word) => [...word.matchAll(/^--(\w+)=(.+)$/g)])
    .map(([, name, value]) => [name, value]);
  expect(settings.length).toBeGreaterThan(3);
  const server = await startPostgres({
    dataDir: join(dir.path, 'postgres'),
    durable: false,
    superuserPasswordFile: files.superuserPassword,
    settings: Object.fromEntries(settings),
  });
  stops.push(() => server.stop());
  const password = readFileSync(files.superuserPassword, 'utf8').trim();
  const client = new pg.Client({
    host: '127.0.0.1',
    port: server.port,
    user: 'postgres',
    database: 'postgres',
    password,
  });
  await client.connect();
  await client.query(`create database ${pg.escapeIdentifier(String(environment.POSTGRES_DB))}`);
  await client.end();
  return server.port;
}

/** With the file's own configuration, beside which its authorization is mounted. */
async function startBus(): Promise<number> {
  const monitor = `127.0.0.1:${await freePort()}`;
  const text = readFileSync(join(repository, compose.configs.nats?.file ?? ''), 'utf8');
  const configFile = join(dir.path, 'nats.conf');
  writeFileSync(configFile, text.replace('127.0.0.1:8222', monitor));
  copyFileSync(files.natsAuthorization, join(dir.path, 'authorization.conf'));
  const binary = (await installedNatsServer())?.path ?? 'nats-server';
  const server = await startNats({ binary, storeDir: join(dir.path, 'nats'), configFile });
  stops.push(() => server.stop());
  const check = compose.services.nats?.healthcheck?.test?.at(-1) ?? '';
  monitorUrl = check.replace('127.0.0.1:8222', monitor);
  return server.port;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** To the gateway, whose certificate must be by the authority that init.mjs made. */
function ask(method: string, path: string, body?: object): Promise<Answer> {
  const { operatorKey } = readOwner();
  const headers = { authorization: `Bearer ${operatorKey}`, 'content-type': 'application/json' };
  const ca = readFileSync(files.tls.authority);
  return new Promise((resolve, reject) => {
    const options = {
      host: 'localhost',
      port: ports.gateway,
      method,
      path,
      headers,
      ca,
      agent: false,
      timeout: 10_000,
    };
    const sent = request(options, async (response) => {
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) text += chunk;
      resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) });
    });
    sent.on('error', reject).on('timeout', () => sent.destroy(new Error('no answer')));
    sent.end(body && JSON.stringify(body));
  });
}

const ownerFile = join(folder.owner, 'first-owner.json');
const readOwner = () => JSON.parse(readFileSync(ownerFile, 'utf8')) as { operatorKey: string; ownerId: string };

interface Entry {
  readonly index: number;
  readonly action?: string;
  readonly decision?: boolean;
}

beforeAll(async () => {
  await init();
  const [postgres, nats] = await Promise.all([startDatabase(), startBus()]);
  ports = { postgres, nats };
  for (const name of ['identity', 'policy', 'vault', 'registry', 'relay', 'audit', 'gateway'])
    ports[name] = await freePort();
  run = new ComposeRun({ project, imageRoot: () => repository, volumes: join(dir.path, 'volumes'), ports, account });
  await run.up();
}, 120_000);

afterAll(async () => {
  await run?.stop();
  for (const stop of stops) await stop();
  dir.remove();
});

describe('docker-compose.yml, command by command', () => {
  it('runs what runs once before what needs it', () => {
    const place = (name: string) => run.order.indexOf(name);
    expect(run.order).toHaveLength(Object.values(compose.services).filter(({ build }) => build).length);
    for (const name of ['identity', 'policy', 'vault', 'registry', 'relay', 'audit']) {
      expect(place(`${name}-migrate`)).toBeLessThan(place(name));
      expect(place('nats-setup')).toBeLessThan(place(name));
      expect(place(name)).toBeLessThan(place('gateway'));
    }
  });

  it('finds NATS healthy', async () => expect((await fetch(monitorUrl)).status).toBe(200));

  it('leaves the first owner where only the user of the containers reads it', () => {
    expect(statSync(ownerFile).mode & 0o777).toBe(0o600);
    expect(readOwner().operatorKey).toMatch(/^mas_/);
  });

  it('answers a decision, and lists it in the ledger', async () => {
    const question = {
      subject: { type: 'user', id: readOwner().ownerId },
      action: { name: 'deploy.production' },
      resource: { type: 'scope', id: 'production' },
    };
    const answer = await waitFor(
      async () => {
        const found = await ask('POST', '/access/v1/evaluation', question);
        return found.status === 200 && found;
      },
      { message: 'an answer of policy' },
    );
    expect(answer.body).toMatchObject({ decision: true });
    const entry = await waitFor(
      async () => {
        const { body } = await ask('GET', '/api/v1/audit/entries?type=decision.recorded');
        return (body as { entries: Entry[] }).entries.find(({ action }) => action === 'deploy.production');
      },
      { message: 'the decision in the ledger' },
    );
    expect(entry.decision).toBe(true);
  });

  it('has a vault that is open, with the key that init.mjs made', async () => {
    const { body } = await ask('GET', '/api/v1/vault/seal');
    expect(body).toMatchObject({ initialized: true, sealed: false, kind: 'file', problem: null });
  });

  it('refuses who is not the owner of a login: a service cannot sign in as another', async () => {
    const { DATABASE_URL: url = '' } = run.environment('identity');
    const { DATABASE_PASSWORD_FILE: file = '' } = run.environment('policy');
    const connectionString = url.replace('@', `:${readFileSync(file, 'utf8').trim()}@`);
    const client = new pg.Client({ connectionString });
    await expect(client.connect()).rejects.toThrow('password authentication failed');
  });

  it('can be brought up again: what runs once changes nothing', async () => {
    const before = readFileSync(ownerFile, 'utf8');
    const once = run.order.filter((name) => run.service(name).restart === 'no');
    const said = new Map(await Promise.all(once.map(async (name) => [name, await run.runOnce(name)] as const)));
    for (const name of ['identity', 'policy', 'vault', 'registry', 'relay', 'audit'])
      expect(said.get(`${name}-migrate`)).toContain('is up to date');
    expect(said.get('first-owner')).toContain('nothing to do');
    expect(readFileSync(ownerFile, 'utf8')).toBe(before);
  });

  it('stops every service on the signal of `docker compose stop`', async () => {
    expect(await run.stop()).toEqual({ identity: 0, policy: 0, vault: 0, registry: 0, relay: 0, audit: 0, gateway: 0 });
    expect(await run.isHealthy('gateway')).toBe(false);
  });
});
