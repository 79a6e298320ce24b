import { closeSync, constants, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Readable, type Writable } from 'node:stream';
import { ReadStream } from 'node:tty';

const require = createRequire(import.meta.url);

/**
 * The native part of node-pty, driven by ourselves: its JavaScript class destroys the terminal 200 ms after the program has
 * ended, and with it the output that a slow reader has not taken yet.
 */
interface NativePty {
  fork(
    ...args: [
      file: string,
      args: readonly string[],
      environment: readonly string[],
      cwd: string,
      columns: number,
      rows: number,
      uid: number,
      gid: number,
      isUtf8: boolean,
      helperPath: string,
      onExit: (code: number, signal: number) => void,
    ]
  ): { readonly fd: number; readonly pid: number; readonly pty: string };
  resize(fd: number, columns: number, rows: number): void;
}

let loaded: NativePty | undefined;
/** When the first terminal is wanted: nothing else of the command line needs native code. */
function native(): NativePty {
  loaded ??= (require('@lydell/node-pty/requireBinary.js') as { requireBinary(name: string): NativePty }).requireBinary(
    'pty.node',
  );
  return loaded;
}

export interface PseudoTerminal {
  readonly pid: number;
  readonly input: Writable;
  readonly output: Readable;
  resize(rows: number, columns: number): void;
  /** Lets go of it, whatever it holds. */
  release(): void;
}

export interface TerminalProgram {
  readonly file: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly rows: number;
  readonly columns: number;
  readonly onExit: (code: number, signal: number) => void;
}

/** Starts a program as leader of its own session, with a terminal of its own. */
export function startInTerminal(program: TerminalProgram): PseudoTerminal {
  const { file, args, environment, cwd, rows, columns, onExit } = program;
  const pairs = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const ended = (code: number, signal: number) => {
    if (held !== undefined) closeSync(held);
    onExit(code, signal);
  };
  const { fd, pid, pty } = native().fork(file, args, pairs, cwd, columns, rows, -1, -1, false, '', ended);
  // A program may close its side a moment before it ends (`cat` does). If nobody had it open then, our side would be closed for
  // that, and the hang-up would kill the program before it gave its code.
  const held = openProgramSide(pty);
  const stream = new ReadStream(fd, { allowHalfOpen: true });
  return {
    pid,
    input: stream,
    output: outputOf(stream, fd),
    resize: (toRows, toColumns) => {
      if (!stream.destroyed) native().resize(fd, toColumns, toRows);
    },
    release: () => void stream.destroy(),
  };
}

/** Undefined where terminals have no names, as in some sandboxes. */
function openProgramSide(name: string): number | undefined {
  try {
    return openSync(name, constants.O_RDWR | constants.O_NOCTTY);
  } catch {
    return undefined;
  }
}

/**
 * All that the terminal holds. libuv takes a hang-up for the end as soon as a read was shorter than its buffer, and reads of a
 * terminal always are: what the kernel holds then is read here, which the half-open stream leaves possible.
 */
function outputOf(stream: ReadStream, fd: number): Readable {
  let isOver = false;
  const output = new Readable({ read: () => void stream.resume() });
  const finish = () => {
    if (!isOver) output.push(null);
    isOver = true;
  };
  stream.on('data', (chunk: Buffer) => {
    if (!output.push(chunk)) stream.pause();
  });
  stream.once('end', () => {
    for (const chunk of remaining(fd)) output.push(chunk);
    finish();
    stream.destroy();
  });
  // Linux answers EIO when nobody holds the other side any more, and nothing is left to read.
  stream.on('error', finish);
  stream.once('close', finish);
  return output;
}

function* remaining(fd: number): Generator<Buffer> {
  for (;;) {
    const chunk = Buffer.allocUnsafe(65_536);
    let length = 0;
    try {
      length = readSync(fd, chunk);
    } catch {
      return;
    }
    if (length === 0) return;
    yield chunk.subarray(0, length);
  }
}
