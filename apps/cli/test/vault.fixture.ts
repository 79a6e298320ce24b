import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { connectBus, ensureTopology } from '@gatehouse/bus';
import { createKeyFile } from '@gatehouse/crypto';
import { IdentityLog, migrateProgram, type RunningProgram, runProgram } from '@gatehouse/service-testing';
import { freePort, openTestDatabases, startTestNats, type Template, tempDir, waitFor } from '@gatehouse/testing';

import { type Called, caller } from '../src/world.fixture.js';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const programOf = (app: string) => join(root, `apps/${app}/dist/src/main.js`);

const schemas: Template = {
  name: 'vault-and-policy',
  async prepare(adminUrl) {
    for (const name of ['policy', 'vault']) await migrateProgram({ name, program: programOf(name), adminUrl });
  },
};
export const gatehouse = join(root, 'apps/cli/bin/gatehouse.mjs');

export interface Call {
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string | Buffer;
}

/** Vault and policy as processes on a PostgreSQL and a NATS of their own, and the real program beside them. */
export class VaultServers {
  readonly #cleanup: (() => void | Promise<void>)[] = [];
  readonly #children: ChildProcess[] = [];

  private constructor(
    readonly folder: string,
    readonly identity: IdentityLog,
    private readonly startVault: () => Promise<RunningProgram>,
    private vault: RunningProgram,
  ) {}

  static async start(): Promise<VaultServers> {
    const [postgres, nats] = await Promise.all([openTestDatabases(), startTestNats()]);
    const adminUrl = await postgres.createDatabase('gatehouse', schemas);
    const files = tempDir('cli-vault');
    const pepper = randomBytes(32);
    const pepperFile = join(files.path, 'pepper');
    createKeyFile(pepperFile, pepper);
    const nc = await connectBus({ servers: nats.url, user: 'setup' });
    await ensureTopology(nc);
    const common = { postgres, adminUrl, natsUrl: nats.url, pepperFile, migrated: true } as const;
    const policySettings = { METADATA_KEY_FILE: join(files.path, 'metadata.pem') };
    const policy = await runProgram({
      ...common,
      name: 'policy',
      program: programOf('policy'),
      settings: policySettings,
    });
    // The same port after a restart: a mount that waits goes on with the address it has.
    const settings = { SEAL_KEY_FILE: join(files.path, 'seal.key'), SERVICE_PORT: String(await freePort()) };
    const startVault = () => runProgram({ ...common, name: 'vault', program: programOf('vault'), settings });
    const identity = new IdentityLog(nc, pepper);
    const servers = new VaultServers(files.path, identity, startVault, await startVault());
    servers.#cleanup.push(
      () => policy.stop(),
      () => nc.close(),
      async () => void (await Promise.all([postgres.stop(), nats.stop()])),
      () => files.remove(),
    );
    return servers;
  }

  get url(): string {
    return this.vault.address;
  }

  async stopVault(): Promise<void> {
    await this.vault.stop();
  }

  async restartVault(): Promise<void> {
    await this.vault.stop();
    this.vault = await this.startVault();
  }

  async stop(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await this.vault.stop();
    for (const step of this.#cleanup) await step();
  }

  /** A key of a service with these roles, once vault and policy know both. */
  async somebody(tenantId: string, name: string, roles: readonly string[]): Promise<string> {
    const { key } = await this.identity.createKey(tenantId, name, roles);
    const headers = { authorization: `Bearer ${key}` };
    // Whoever has a role may list the names of its scope; whoever has none stays unknown to policy.
    const path = roles.length > 0 ? '/api/v1/vault/secrets?prefix=development' : '/api/v1/vault/whoami';
    const isKnown = async () => (await fetch(`${this.url}${path}`, { headers })).ok;
    await waitFor(isKnown, { timeoutMs: 90_000, message: `vault and policy know ${name}` });
    return key;
  }

  /** A folder that nobody else has. */
  newFolder(name: string, mode = 0o700): string {
    const path = join(this.folder, name);
    mkdirSync(path, { mode });
    return path;
  }

  #environment(key: string, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    const { PATH } = process.env;
    return { PATH, HOME: this.folder, GATEHOUSE_URL: this.url, GATEHOUSE_API_KEY: key, ...more };
  }

  /** Runs a command in this process. */
  call(key: string, args: readonly string[], { env, input = '' }: Call = {}): Promise<Called> {
    return caller(this.folder)(args, this.#environment(key, env), { stdin: Readable.from([Buffer.from(input)]) });
  }

  /** Runs the program itself to its end. */
  callProgram(key: string, args: readonly string[], { env, input = '' }: Call = {}): Promise<Omit<Called, 'bytes'>> {
    const options = { cwd: this.folder, env: this.#environment(key, env) };
    return new Promise((resolve) => {
      const child = execFile(process.execPath, [gatehouse, ...args], options, (error, out, text) =>
        resolve({ exitCode: error === null ? 0 : Number(error.code), out, error: text }),
      );
      child.stdin?.end(input);
    });
  }

  /** The answer of a command that must succeed. */
  async ran(key: string, args: readonly string[], call: Call = {}): Promise<string> {
    const { exitCode, out, error } = await this.call(key, args, call);
    if (exitCode !== 0) throw new Error(`${args.join(' ')} ended with ${exitCode}: ${error}`);
    return out;
  }

  /** Starts the program and leaves it running; `said` is what it wrote so far. */
  begin(
    key: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): { child: ChildProcess; said: () => string } {
    const child = spawn(process.execPath, [gatehouse, ...args], {
      cwd: this.folder,
      env: this.#environment(key, env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.push(child);
    let text = '';
    for (const output of [child.stdout, child.stderr]) output.on('data', (chunk) => (text += String(chunk)));
    return { child, said: () => text };
  }
}
