import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type SupervisedChild, superviseChild, waitFor } from '@gatehouse/testing';
import { type ComposeService, readCompose, readEnv, readImageFile, secretNames } from './compose-file.fixture.js';
import { projectFolder } from './project-folder.js';

export interface ComposeRunOptions {
  /** A folder that init.mjs was run for. */
  readonly project: string;
  /** What stands for `/gatehouse` in the image of an app. */
  readonly imageRoot: (app: string) => string;
  /** Where named volumes and logs are. */
  readonly volumes: string;
  /** Where on 127.0.0.1 the host of a service's name is. */
  readonly ports: Readonly<Record<string, number>>;
  /** As whom everything runs; as the caller unless given. */
  readonly account: { readonly uid?: number; readonly gid?: number };
}

type Environment = Readonly<Record<string, string>>;

/**
 * Our own containers of docker-compose.yml as processes of this machine: their commands and environments, with other
 * hosts, and other places for what Compose mounts. What only an engine can do (users, read-only roots, networks,
 * limits) is not part of it.
 */
export class ComposeRun {
  readonly file;
  readonly #image = readImageFile();
  readonly #options: ComposeRunOptions;
  readonly #children = new Map<string, SupervisedChild>();

  constructor(options: ComposeRunOptions) {
    this.#options = options;
    this.file = readCompose(readEnv(projectFolder(options.project).env));
    for (const name of Object.keys(this.file.services)) mkdirSync(join(options.volumes, name), { recursive: true });
  }

  service(name: string): ComposeService {
    const service = this.file.services[name];
    if (service === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
    return service;
  }

  /** Those with an image of ours, each after what it waits for. */
  get order(): string[] {
    const sorted = new Set<string>();
    const visit = (name: string): void => {
      for (const needed of Object.keys(this.service(name).depends_on ?? {})) visit(needed);
      if (this.service(name).build) sorted.add(name);
    };
    for (const name of Object.keys(this.file.services)) visit(name);
    return [...sorted];
  }

  /** `docker compose up`: each as soon as what it waits for has ended, or is healthy. */
  async up(): Promise<void> {
    const begun = new Map<string, Promise<unknown>>();
    for (const name of this.order) {
      const { depends_on: needs = {}, restart } = this.service(name);
      const ready = Promise.all(Object.keys(needs).map((needed) => begun.get(needed)));
      begun.set(
        name,
        ready.then<unknown>(() => (restart === 'no' ? this.runOnce(name) : this.start(name))),
      );
    }
    await Promise.all(begun.values());
  }

  /** Gives what it wrote. */
  async runOnce(name: string): Promise<string> {
    const child = await this.#spawn(name, this.#command(name), 'pipe');
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += String(chunk)));
    const { code } = await child.exited;
    await child.outputEnded;
    if (code !== 0) throw new Error(`${name} ended with ${code}: ${output}`);
    return output;
  }

  async start(name: string): Promise<void> {
    const log = join(this.#options.volumes, name, 'log');
    const child = await this.#spawn(name, this.#command(name), { file: log });
    this.#children.set(name, child);
    await waitFor(async () => !child.running() || (await this.isHealthy(name)), {
      timeoutMs: 30_000,
      intervalMs: 500,
      message: () => `${name} healthy:\n${readFileSync(log, 'utf8')}`,
    });
    if (!child.running()) throw new Error(`${name} ended:\n${readFileSync(log, 'utf8')}`);
  }

  /** The image's own health check, in the environment of the service. */
  async isHealthy(name: string): Promise<boolean> {
    const check = await this.#spawn(name, this.#image.healthcheck, 'ignore');
    return (await check.exited).code === 0;
  }

  /** Exit code of each service that ran. */
  async stop(): Promise<Record<string, number | null>> {
    const entries = [...this.#children].map(async ([name, child]) => [name, (await child.stop()).code] as const);
    return Object.fromEntries(await Promise.all(entries));
  }

  environment(name: string): Environment {
    const service = this.service(name);
    const port = this.#options.ports[name];
    const translated = Object.entries(service.environment ?? {}).map(([variable, value]) => {
      if (variable === 'SERVICE_HOST' || variable === 'RELAY_HOST') return [variable, '127.0.0.1'];
      if (variable === 'RELAY_PORT') return [variable, '0'];
      if (variable === 'SERVICE_PORT') return [variable, String(port)];
      return [variable, this.#translate(name, String(value))];
    });
    return { NODE_ENV: 'production', PATH: process.env.PATH ?? '', ...Object.fromEntries(translated) };
  }

  #command(name: string): string[] {
    const { entrypoint, command } = this.service(name);
    const words = entrypoint
      ? [...entrypoint, ...(command ?? [])]
      : [...this.#image.entrypoint, ...(command ?? this.#image.cmd)];
    return words.map((word) => this.#translate(name, word));
  }

  #spawn(name: string, [program, ...args]: readonly string[], output: 'pipe' | 'ignore' | { file: string }) {
    if (program !== 'node') throw new Error(`${name} does not run node but ${program}`);
    const app = this.service(name).build?.args.APP ?? '';
    const cwd = join(this.#options.imageRoot(app), 'apps', app);
    const { account } = this.#options;
    return superviseChild({
      name,
      command: process.execPath,
      args,
      cwd,
      env: this.environment(name),
      output,
      ...account,
    });
  }

  #translate(name: string, text: string): string {
    const app = this.service(name).build?.args.APP ?? '';
    const path = this.#mounted(name, text) ?? text.replace(/^\/gatehouse\//, `${this.#options.imageRoot(app)}/`);
    return path.replace(/(?<=\/\/|@)([a-z]+):\d+/, (all, host: string) => {
      const port = this.#options.ports[host];
      return port === undefined ? all : `127.0.0.1:${port}`;
    });
  }

  /** Where a path within the container is here. A secret that the service does not mount is not there. */
  #mounted(name: string, text: string): string | undefined {
    const service = this.service(name);
    const secret = /^\/run\/secrets\/(.+)$/.exec(text)?.[1];
    if (secret !== undefined) {
      const file = secretNames(service).includes(secret) ? this.file.secrets[secret]?.file : undefined;
      return join(this.#options.project, file ?? `no-secret-${secret}`);
    }
    for (const volume of service.volumes ?? []) {
      const [source = '', target = ''] =
        typeof volume === 'string' ? volume.split(':') : [volume.source, volume.target];
      // `/data` also stands within a text, as the program of nats-volume has it.
      if (!text.includes(target)) continue;
      const here = source.startsWith('.') ? join(this.#options.project, source) : this.#volume(source);
      return text.replaceAll(target, here);
    }
    return undefined;
  }

  #volume(name: string): string {
    const folder = join(this.#options.volumes, 'volumes', name);
    mkdirSync(folder, { recursive: true });
    // As the folder in the image, of which a new volume is a copy.
    chmodSync(folder, 0o1777);
    return folder;
  }
}
