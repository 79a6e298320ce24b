import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { OpenMessage } from '@gatehouse/session';
import { type LogRecord, runtimeUnit } from '../log/runtime-log.js';

export type WantedLogs = Extract<OpenMessage, { kind: 'logs' }>;

/** One line of `journalctl -o json`; undefined for what is no entry. */
export function parseJournalLine(line: string): LogRecord | undefined {
  try {
    const fields = JSON.parse(line) as Record<string, unknown>;
    const micros = Number(fields.__REALTIME_TIMESTAMP);
    if (!Number.isFinite(micros)) return undefined;
    const priority = Number(fields.PRIORITY ?? 6);
    return {
      at: Math.floor(micros / 1_000),
      unit: unitOf(fields),
      priority: priority >= 0 && priority <= 7 ? Math.floor(priority) : 6,
      text: textOf(fields.MESSAGE),
    };
  } catch {
    return undefined;
  }
}

const unitOf = (fields: Record<string, unknown>): string =>
  String(fields._SYSTEMD_UNIT ?? fields.UNIT ?? fields.SYSLOG_IDENTIFIER ?? '').replace(/\.service$/, '');

/** A list of bytes where the message is not text; null where it was too long. */
function textOf(message: unknown): string {
  if (typeof message === 'string') return message;
  return Array.isArray(message) ? Buffer.from(message as number[]).toString('utf8') : '';
}

/** Arguments of journalctl(1); names of units were checked by the message's schema and cannot be options. */
export function journalArguments({ follow, tail, sinceMs, untilMs, units }: WantedLogs): readonly string[] {
  const seconds = (ms: number) => `@${(ms / 1_000).toFixed(3)}`;
  return [
    ...['--output=json', '--no-pager', '--quiet', '--all'],
    `--lines=${tail ?? 'all'}`,
    ...(follow ? ['--follow'] : []),
    ...(sinceMs === undefined ? [] : [`--since=${seconds(sinceMs)}`]),
    ...(untilMs === undefined ? [] : [`--until=${seconds(untilMs)}`]),
    ...(units ?? [runtimeUnit]).map((unit) => `--unit=${unit}`),
  ];
}

export interface Following {
  readonly lines: AsyncIterable<string>;
  /** Why it ended, if not by itself. */
  readonly failed: Promise<string | undefined>;
  stop(): void;
}

/** Runs journalctl as long as it is read. */
export function readJournal(wanted: WantedLogs, env: Readonly<Record<string, string | undefined>>): Following {
  const child = spawn('journalctl', journalArguments(wanted), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: env.PATH, LANG: 'C.UTF-8' },
  });
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => {
    words = `${words}${chunk}`.slice(-512);
  });
  const failed = new Promise<string | undefined>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    child.once('close', (code, signal) => resolve(code === 0 || signal ? undefined : words.trim() || `code ${code}`));
  });
  return { lines: createInterface({ input: child.stdout }), failed, stop: () => void child.kill('SIGKILL') };
}
