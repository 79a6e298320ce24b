import type { Readable, Writable } from 'node:stream';
import type { Dial } from './device/dial/dial.js';

/** Everything of the process that a command may touch, so that a test can stand in for the terminal. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly home: string;
  readonly stdin: Readable;
  readonly stdoutIsTerminal: boolean;
  /** For bytes without end, which must not pile up here: those of a program on a device. */
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** For people and scripts: the answer, as text or as the exact bytes of a secret. */
  writeOut(content: string | Uint8Array): void;
  /** For people: warnings, progress, errors. */
  writeError(text: string): void;
  /** Another way to devices than through the registry and its relays. */
  readonly dial?: (device: string) => Dial;
}

/** What `-`, the standard input, is called where a file may stand. */
export const standardInput = '<stdin>';
