import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tools } from '../command.js';
import { writePrivateFile } from '../settings/private-file.js';
import { allPages, type Device, devicesPath } from './devices-api.js';

interface Kept {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly url: string;
  readonly names: readonly string[];
}

const keptForMs = 60_000;
/** A shell that waits for words waits no longer. */
const patienceMs = 2_000;

/**
 * Names of devices for a shell's completion: those asked for within the last minute, in the folder of this profile, or else
 * asked for now. None when nobody answers: completion never fails.
 */
export async function knownDeviceNames(tools: Tools): Promise<readonly string[]> {
  try {
    const { folder, url } = tools.settings();
    const path = join(folder.path, 'device-names.json');
    const kept = readKept(path);
    if (kept && kept.url === url.value && Date.now() - kept.atMs < keptForMs) return kept.names;
    const devices = await Promise.race([allPages<Device>(tools.client(), devicesPath, 'devices'), impatience()]);
    if (devices === undefined) return kept?.names ?? [];
    const names = devices.map(({ name }) => name).filter((name) => /^[\w.-]+$/.test(name));
    writePrivateFile(path, `${JSON.stringify({ atMs: Date.now(), url: url.value, names })}\n`);
    return names;
  } catch {
    return [];
  }
}

function readKept(path: string): Kept | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Kept;
  } catch {
    return undefined;
  }
}

const impatience = (): Promise<undefined> =>
  new Promise((resolve) => {
    setTimeout(() => resolve(undefined), patienceMs).unref();
  });
