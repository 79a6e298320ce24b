import { fileURLToPath } from 'node:url';
import { startChild } from '../../child.js';
import type { Way } from './ways.js';

export const program = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

/** Who has not answered by then is said not to have finished. */
export const patienceSeconds = 30;

export interface Found {
  readonly bytes: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly cpuSeconds: number;
}

interface Task {
  readonly what: 'bulk' | 'rtt' | 'exec';
  readonly streams?: number;
  readonly seconds: number;
  readonly mostBytes?: number;
  /** When the client has warmed up. */
  readonly onBegin?: () => void;
}

/** Undefined: it did not finish. */
export async function ask(way: Way, { onBegin, ...task }: Task): Promise<Found | undefined> {
  const patience = AbortSignal.timeout((patienceSeconds + task.seconds) * 1_000);
  try {
    const client = await startChild(
      [program('client'), JSON.stringify({ way, streams: 1, ...task })],
      (line) => {
        if (line === 'begin') onBegin?.();
        return line.startsWith('{');
      },
      { signal: patience },
    );
    return JSON.parse(client.line) as Found;
  } catch (error) {
    if (patience.aborted) return undefined;
    throw error;
  }
}

export const startDevice = (way: Way) =>
  startChild([program('device'), JSON.stringify(way)], (line) => line === 'ready');
