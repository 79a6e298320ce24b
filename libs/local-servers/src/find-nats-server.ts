import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { LocalServerError } from './local-server-error.js';
import { isSupportedNats, type NatsBinary, natsCachePath, natsVersion, OLDEST_NATS } from './nats-binary.js';
import { natsFromRelease } from './nats-download.js';
import { hasApt, natsFromApt } from './nats-from-apt.js';
import type { NatsRelease } from './nats-release.js';

export interface FindNatsOptions {
  /** Asked before a package manager is used, with the question to show. Root is not asked: it runs unattended set-ups. */
  consent: (question: string) => Promise<boolean>;
  onProgress?: (message: string) => void;
  env?: NodeJS.ProcessEnv;
  /** Another pinned release than the built-in one. */
  release?: NatsRelease;
}

/**
 * Finds a nats-server >= 2.10, or fetches one: `NATS_SERVER_BIN`, `PATH`, the cache of an earlier fetch, the package manager (apt, or
 * Homebrew on macOS), and last the pinned official release. A program that is too old is reported and passed over.
 *
 * Throws LocalServerError `no-binary` with everything that was tried, or for a `NATS_SERVER_BIN` that cannot be used.
 *
 * @example const { path, version } = await findNatsServer({ consent: async () => true, onProgress: console.log });
 */
export async function findNatsServer(options: FindNatsOptions): Promise<NatsBinary> {
  const env = options.env ?? process.env;
  const report = options.onProgress ?? (() => undefined);
  const installed = await installedNatsServer(env, report);
  if (installed !== undefined) return installed;
  const failures: string[] = [];
  for (const source of fetchSources(options, env, report)) {
    try {
      return await source();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      failures.push(reason);
      report(reason);
    }
  }
  throw new LocalServerError(
    'no-binary',
    `no nats-server ${OLDEST_NATS} or newer was found or could be fetched:\n  ${failures.join('\n  ')}\n` +
      'Install it (https://docs.nats.io/running-a-nats-service/introduction/installation) on PATH, or set NATS_SERVER_BIN to the program.',
  );
}

/** Looks only at what is there already, without the network: `NATS_SERVER_BIN`, `PATH`, the cache. */
export async function installedNatsServer(
  env: NodeJS.ProcessEnv = process.env,
  report: (message: string) => void = () => undefined,
): Promise<NatsBinary | undefined> {
  const chosen = env.NATS_SERVER_BIN;
  if (chosen) return requireUsable(chosen);
  const onPath = (env.PATH ?? '').split(delimiter).filter(Boolean);
  for (const path of [...onPath.map((folder) => join(folder, 'nats-server')), natsCachePath(env)]) {
    const version = await natsVersion(path);
    if (version === undefined) continue;
    if (isSupportedNats(version)) return { path, version };
    report(`${path} is nats-server ${version}, too old (${OLDEST_NATS} or newer is needed); looking further`);
  }
  return undefined;
}

async function requireUsable(path: string): Promise<NatsBinary> {
  const version = await natsVersion(path);
  if (version === undefined) throw new LocalServerError('no-binary', `NATS_SERVER_BIN=${path} cannot be run`);
  if (isSupportedNats(version)) return { path, version };
  const problem = `NATS_SERVER_BIN=${path} is nats-server ${version}; ${OLDEST_NATS} or newer is needed`;
  throw new LocalServerError('binary-too-old', problem);
}

type Source = () => Promise<NatsBinary>;

function fetchSources(options: FindNatsOptions, env: NodeJS.ProcessEnv, report: (message: string) => void): Source[] {
  const target = natsCachePath(env);
  const agreed = async (manager: string) => {
    if (process.getuid?.() === 0 || (await options.consent(`nats-server is missing. Fetch it with ${manager}?`)))
      return;
    throw new LocalServerError('no-binary', `${manager} was not used: nobody agreed to it`);
  };
  const apt: Source = () => agreed('apt (the system stays as it is)').then(() => natsFromApt(target, report));
  const brew: Source = () => agreed('Homebrew').then(() => natsFromBrew(env, report));
  return [
    ...(process.platform === 'linux' && hasApt(env) ? [apt] : []),
    ...(process.platform === 'darwin' ? [brew] : []),
    () => natsFromRelease(target, report, options.release),
  ];
}

async function natsFromBrew(env: NodeJS.ProcessEnv, report: (message: string) => void): Promise<NatsBinary> {
  const folder = (env.PATH ?? '').split(delimiter).find((candidate) => existsSync(join(candidate, 'brew')));
  if (folder === undefined) throw new LocalServerError('no-binary', 'Homebrew is not installed');
  report('installing nats-server with Homebrew');
  await promisify(execFile)(join(folder, 'brew'), ['install', 'nats-server'], { timeout: 600_000 });
  return requireUsable(join(folder, 'nats-server'));
}
