import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ChildExit,
  createLocalAuthority,
  findNatsServer,
  type LocalAuthority,
  type NatsServer,
  type PostgresServer,
  requireFreePort,
} from '@gatehouse/local-servers';
import { startBus } from './bus.js';
import { writeClientSettings } from './client-settings.js';
import { type DataFolder, writeVersion } from './data-folder.js';
import { startDatabase } from './database.js';
import {
  type Addresses,
  inheritedEnvironment,
  inheritedSeal,
  migrateEnvironment,
  publicUrl,
  serviceEnvironment,
  servicePort,
  withInherited,
} from './environment.js';
import { readAuthorization, readFirstOwner, writeOperatorFiles } from './first-owner.js';
import type { UpFlags } from './flags.js';
import { keepRunning } from './keep-running.js';
import { keyProblem, probesOf } from './key-check.js';
import { MigrationStamp } from './migration-stamp.js';
import { runProgram } from './program-run.js';
import type { Progress, Summary } from './progress.js';
import { RunningParts, Stopped } from './running-parts.js';
import { ensureKeys, ensureLogins } from './secrets.js';
import { boundServerLogs } from './server-logs.js';
import { ServiceProcess } from './service-process.js';
import { gatewayName, natsPortOffset, postgresPortOffset, type ServiceRow, serviceTable } from './service-table.js';
import { type StartedStack, summaryOf } from './summary.js';
import { UpError } from './up-error.js';

export interface StackOptions {
  /** The repository, with compiled programs. */
  repository: string;
  folder: DataFolder;
  age: 'new' | 'known';
  flags: UpFlags;
  progress: Progress;
  consent: (question: string) => Promise<boolean>;
}

const rank = { gateway: 0, service: 1, nats: 2, postgres: 3 } as const;
const DAY_MS = 86_400_000;
const NEW_KEY_WITHIN_MS = 60_000;
const KNOWN_KEY_WITHIN_MS = 5_000;

/** PostgreSQL, NATS, the services and the gateway of one data folder. */
export class Stack {
  readonly parts = new RunningParts();
  readonly #options: StackOptions;
  readonly #rows: readonly ServiceRow[];
  readonly #addresses: Addresses;

  constructor(options: StackOptions) {
    const { flags } = options;
    this.#options = options;
    this.#rows = serviceTable.filter((row) => row.name === gatewayName || flags.services.includes(row.name));
    this.#addresses = {
      host: flags.host,
      port: flags.port,
      relayPort: flags.relayPort,
      portBase: flags.portBase,
      postgresPort: flags.portBase + postgresPortOffset,
      natsPort: flags.portBase + natsPortOffset,
    };
  }

  /** Starts everything, as much of it at the same time as depends on nothing. The caller stops `parts` if it throws. */
  async start(): Promise<Omit<Summary, 'seconds'>> {
    const { folder, age } = this.#options;
    await this.#requireFreePorts();
    ensureKeys(folder, age);
    writeVersion(folder);
    const publicKeys = ensureLogins(folder);
    const authority = this.#authority();
    const bus = this.#step('nats', (update) => this.#startBus(publicKeys, update));
    const database = this.#step('postgres', (update) => this.#startDatabase(update));
    const ready = this.#rows.map((row) => this.#startService(row, { bus, database, authority }));
    const owner = this.#ownerAfter(ready);
    // Whichever fails first is the one to report; the others then fail because of it.
    await Promise.all([authority, bus, database, ...ready, owner]);
    this.#renewCertificateDaily((await authority).fingerprint);
    boundServerLogs([folder.log('postgres'), folder.log('nats')]);
    const made = {
      rows: this.#rows,
      addresses: this.#addresses,
      folder,
      authority: await authority,
      ...(await owner),
    };
    return summaryOf(made, new Date(), process.cwd());
  }

  #failed = false;
  readonly #migrated = new Map<string, Promise<void>>();

  async #requireFreePorts(): Promise<void> {
    const { postgresPort, natsPort, relayPort } = this.#addresses;
    for (const row of this.#rows) {
      const flag = row.name === gatewayName ? '--port' : '--port-base';
      await requireFreePort(servicePort(row, this.#addresses), row.name, `choose another with ${flag}`);
    }
    if (this.#rows.some((row) => row.isRelay))
      await requireFreePort(relayPort, 'the relay', 'choose another with --relay-port');
    await requireFreePort(postgresPort, 'PostgreSQL', 'choose others with --port-base');
    await requireFreePort(natsPort, 'NATS', 'choose others with --port-base');
  }

  async #step<T>(name: string, work: (update: (detail: string) => void) => Promise<[T, string]>): Promise<T> {
    const step = this.#options.progress.step(name);
    try {
      const [result, detail] = await work((text) => step.update(text));
      step.done(detail);
      return result;
    } catch (error) {
      if (!this.parts.stopping) step.failed(this.#failed ? 'not started' : undefined);
      this.#failed = true;
      throw error;
    }
  }

  async #startBus(publicKeys: Record<string, string>, update: (detail: string) => void): Promise<[undefined, string]> {
    const { folder, consent } = this.#options;
    const binary = await findNatsServer({ consent, onProgress: update });
    const server = await startBus(folder, this.#addresses.natsPort, binary.path, publicKeys);
    await this.#keepServer('nats', rank.nats, server);
    return [undefined, `nats-server ${binary.version} on 127.0.0.1:${server.port}`];
  }

  async #startDatabase(update: (detail: string) => void): Promise<[string, string]> {
    const server = await startDatabase(this.#options.folder, this.#addresses.postgresPort, update);
    await this.#keepServer('postgres', rank.postgres, server);
    return [server.superuser, `127.0.0.1:${server.port}`];
  }

  #keepServer(name: string, stopRank: number, server: NatsServer | PostgresServer): Promise<void> {
    const exited = () => server.exited().then(describeExit);
    const kept = keepRunning({ name, exited, restart: () => server.restart(), note: this.#options.progress.note });
    const stop = () => kept.release().then(() => server.stop());
    const kill = () => {
      void kept.release();
      return server.kill9();
    };
    return this.parts.add({ name, rank: stopRank, stop, kill });
  }

  #startService(row: ServiceRow, needs: Needs): Promise<void> {
    const { folder, repository } = this.#options;
    const address = `127.0.0.1:${servicePort(row, this.#addresses)}`;
    const prepared = row.stateful
      ? needs.database.then((superuser) => this.#migrate(row, superuser))
      : Promise.resolve();
    this.#migrated.set(row.name, prepared);
    return this.#step(row.name, async (update) => {
      update(row.stateful ? 'waiting for the database' : 'waiting for its certificate');
      const [authority] = await Promise.all([needs.authority, prepared, row.stateful ? needs.bus : undefined]);
      const service = this.#serviceProcess(row, authority);
      await this.parts.add({
        name: row.name,
        rank: row.name === gatewayName ? rank.gateway : rank.service,
        stop: () => service.stop(),
        kill: () => service.kill(),
      });
      await service.start(update).catch((error: Error) => {
        // Perhaps the schema was restored from an older backup: the next start migrates again.
        if (row.stateful) new MigrationStamp(folder, repository, row.name).forget();
        throw error;
      });
      return [undefined, address];
    });
  }

  async #migrate(row: ServiceRow, superuser: string): Promise<void> {
    const { repository, folder } = this.#options;
    const stamp = new MigrationStamp(folder, repository, row.name);
    if (stamp.holds()) return;
    const env = {
      ...inheritedEnvironment(process.env),
      ...migrateEnvironment(row, folder, this.#addresses, superuser),
    };
    await runProgram({ name: `${row.name} migrate`, args: [row.program, 'migrate'], env, cwd: repository });
    stamp.write();
  }

  #serviceProcess(row: ServiceRow, authority: LocalAuthority): ServiceProcess {
    const { repository, folder, progress } = this.#options;
    const scheme = row.name === gatewayName ? 'https' : 'http';
    return new ServiceProcess({
      name: row.name,
      program: join(repository, row.program),
      cwd: repository,
      env: this.#serviceEnvironment(row),
      logFile: folder.log(row.name),
      readyUrl: `${scheme}://127.0.0.1:${servicePort(row, this.#addresses)}/readyz`,
      ...(scheme === 'https' ? { ca: readFileSync(authority.caFile, 'utf8') } : {}),
      note: progress.note,
    });
  }

  #serviceEnvironment(row: ServiceRow): NodeJS.ProcessEnv {
    return withInherited(
      { ...inheritedEnvironment(process.env), ...inheritedSeal(process.env, row) },
      serviceEnvironment(row, this.#options.folder, this.#addresses),
    );
  }

  /** The first owner, whose key works. He is made once the schema of identity is there, while the services start. */
  async #ownerAfter(ready: Promise<void>[]): Promise<Pick<StartedStack, 'owner' | 'keyProblem'>> {
    const { folder, repository } = this.#options;
    const row = this.#rows.find(({ name }) => name === 'identity');
    // These files are written last: without them an earlier bootstrap may have been cut short, and is finished now.
    const isNew = row !== undefined && !existsSync(folder.curlHeader);
    if (row !== undefined) await this.#migrated.get(row.name);
    if (isNew) {
      const args = [row.program, 'bootstrap', '--out', folder.firstOwner];
      const env = { OWNER_EMAIL: 'owner@localhost', ...this.#serviceEnvironment(row) };
      await runProgram({ name: 'identity bootstrap', args, env, cwd: repository });
    }
    const owner = readFirstOwner(folder);
    if (owner !== undefined) writeOperatorFiles(folder, owner);
    if (row !== undefined) writeClientSettings(folder, publicUrl(this.#addresses));
    await Promise.all(ready);
    return { owner, keyProblem: owner && (await this.#keyProblem(isNew)) };
  }

  /** Who reads that all is ready tries the printed command at once. A key that was made just now works then. */
  async #keyProblem(isNew: boolean): Promise<string | undefined> {
    const { folder } = this.#options;
    const authorization = readAuthorization(folder);
    if (authorization === undefined) return 'it is not a line "Authorization: Bearer KEY"';
    const withinMs = isNew ? NEW_KEY_WITHIN_MS : KNOWN_KEY_WITHIN_MS;
    const check = { authorization, withinMs, isKnown: !isNew, stopping: () => this.parts.stopping };
    const problem = await keyProblem(probesOf(this.#rows, this.#addresses), check);
    if (this.parts.stopping) throw new Stopped();
    if (problem === undefined || !isNew) return problem;
    throw new UpError(
      `the first owner's key does not work after ${withinMs / 1000} s: ${problem}; logs: ${folder.logs}`,
    );
  }

  /** A stack that runs for a year must not end with an expired certificate. The gateway reads changed files by itself. */
  #authority(): Promise<LocalAuthority> {
    return createLocalAuthority(this.#options.folder.tls, { extraNames: [this.#addresses.host] });
  }

  #renewCertificateDaily(fingerprint: string): void {
    const { progress } = this.#options;
    const renew = async () => {
      const authority = await this.#authority();
      if (authority.renewed === 'nothing') return;
      const changed = authority.fingerprint === fingerprint ? '' : `; its authority is new: ${authority.fingerprint}`;
      progress.note(`certificate renewed${changed}`);
    };
    setInterval(
      () => void renew().catch((error: Error) => progress.note(`certificate: ${error.message}`)),
      DAY_MS,
    ).unref();
  }
}

interface Needs {
  bus: Promise<void>;
  /** Gives the superuser's name. */
  database: Promise<string>;
  authority: Promise<LocalAuthority>;
}

function describeExit({ code, signal }: ChildExit): string {
  return signal === null ? `exit code ${code}` : `signal ${signal}`;
}
