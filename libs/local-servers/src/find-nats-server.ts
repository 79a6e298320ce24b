import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

export interface NatsBinary {
  path: string;
  version: string;
}

/** Where a fetched nats-server is kept for the next start. */
export function natsCachePath(env: NodeJS.ProcessEnv = process.env): string {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'gatehouse', 'bin', 'nats-server');
}

/** Looks only at what is installed: NATS_SERVER_BIN, PATH, the cache. */
export async function installedNatsServer(env: NodeJS.ProcessEnv = process.env): Promise<NatsBinary | undefined> {
  const onPath = (env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'nats-server'));
  for (const path of [env.NATS_SERVER_BIN ?? '', ...onPath, natsCachePath(env)]) {
    const version = await versionOf(path);
    if (version !== undefined && isSupported(version)) return { path, version };
  }
  return undefined;
}

export async function versionOf(path: string): Promise<string | undefined> {
  try {
    accessSync(path, constants.X_OK);
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 10_000 });
    return /v(\d+\.\d+\.\d+[\w.-]*)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

export function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 2 || (major === 2 && minor >= 10);
}
