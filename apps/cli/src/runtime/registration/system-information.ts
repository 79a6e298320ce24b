import { readFileSync } from 'node:fs';
import { arch, cpus, hostname, networkInterfaces, release, totalmem, uptime } from 'node:os';
import { ownVersion } from '../../version.js';

/** What a device tells of itself; nothing of who uses it. */
export interface SystemInformation {
  readonly hostname: string;
  readonly platform: string;
  readonly architecture: string;
  readonly version: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly uptimeSeconds: number;
  readonly addresses: readonly string[];
}

export function describeDevice(): Pick<SystemInformation, 'hostname' | 'platform' | 'architecture' | 'version'> {
  return {
    hostname: hostname().slice(0, 253) || 'device',
    platform: distribution().slice(0, 64),
    architecture: arch().slice(0, 32),
    version: `gatehouse/${ownVersion()}`,
  };
}

export function readSystem(): SystemInformation {
  const processors = cpus();
  return {
    ...describeDevice(),
    ...{ kernel: release().slice(0, 128), cpu: (processors[0]?.model ?? '').trim().slice(0, 128) },
    ...{ cores: processors.length, memoryBytes: totalmem(), uptimeSeconds: Math.floor(uptime()) },
    addresses: Object.values(networkInterfaces())
      .flatMap((all) => all ?? [])
      .filter(({ internal }) => !internal)
      .map(({ address }) => address)
      .slice(0, 16),
  };
}

/** os-release(5). */
function distribution(): string {
  try {
    const text = readFileSync('/etc/os-release', 'utf8');
    return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(text)?.[1] ?? process.platform;
  } catch {
    return process.platform;
  }
}
