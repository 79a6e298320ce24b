import { constants } from 'node:os';
import type { ChildExitCode } from '../../failure.js';

/** The end of a program on a device as shells have it: its code, or 128 and the number of its signal. */
export function exitCodeOf({
  code,
  signal,
}: {
  readonly code: number | null;
  readonly signal: string | null;
}): ChildExitCode {
  if (code !== null) return (code & 0xff) as ChildExitCode;
  const name = signal?.startsWith('SIG') ? signal : `SIG${signal ?? 'TERM'}`;
  return (128 + ((constants.signals as Record<string, number>)[name] ?? 0)) as ChildExitCode;
}

/** What ssh ends with when it is the connection that failed, and not the program. */
export const connectionLost = 255 as ChildExitCode;
