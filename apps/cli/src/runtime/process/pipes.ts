import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { Socket } from 'node:net';

const { O_RDONLY, O_WRONLY } = constants;
/** As many as a shell numbers with one digit. */
const batch = 7;
/** What a program takes at most. */
const perProgram = 3;

/** A pipe between us and a program: our end, and the descriptor for the program, closed here once the program has it. */
export interface Pipe {
  readonly ours: Socket;
  readonly theirs: number;
}

interface Ends {
  readonly read: number;
  readonly write: number;
}

/**
 * Pipes for programs. Node's own `stdio: 'pipe'` gives them sockets, which cannot be opened by name: `echo x > /dev/stderr`
 * and `tar xf /dev/stdin` would fail. Node makes no pipes, named ones wait for each other when they are opened, and so a
 * shell makes them: it keeps each here-document in one, where we take it up through /proc.
 */
export class PipeMaker {
  readonly #ready: Ends[] = [];
  #filling: Promise<void> | undefined;
  #isClosed = false;

  /** Afterwards there are enough for one program, made beforehand where there was time. @throws where it cannot be done */
  async reserve(): Promise<void> {
    while (this.#ready.length < perProgram) await this.#fill();
  }

  /** What the program writes. */
  output(): Pipe {
    const { read, write } = this.#take();
    return { ours: new Socket({ fd: read, readable: true, writable: false, allowHalfOpen: true }), theirs: write };
  }

  /** What the program reads. */
  input(): Pipe {
    const { read, write } = this.#take();
    return { ours: new Socket({ fd: write, readable: false, writable: true, allowHalfOpen: true }), theirs: read };
  }

  close(): void {
    this.#isClosed = true;
    for (const ends of this.#ready.splice(0)) closeEnds(ends);
  }

  #take(): Ends {
    const ends = this.#ready.shift();
    if (ends === undefined) throw new Error('no pipe was reserved');
    // The next program shall not wait.
    if (this.#ready.length < perProgram) void this.#fill().catch(() => undefined);
    return ends;
  }

  #fill(): Promise<void> {
    this.#filling ??= makePipes()
      .then((made) => {
        if (this.#isClosed) for (const ends of made) closeEnds(ends);
        else this.#ready.push(...made);
      })
      .finally(() => {
        this.#filling = undefined;
      });
    return this.#filling;
  }
}

function closeEnds({ read, write }: Ends): void {
  closeSync(read);
  closeSync(write);
}

async function makePipes(): Promise<Ends[]> {
  const numbers = Array.from({ length: batch }, (_, i) => i + 3);
  const documents = numbers.map((n) => `${n}<<E`).join(' ');
  const shell = spawn('/bin/sh', ['-c', `exec ${documents}\n${'E\n'.repeat(batch)}echo ready; read end`], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {},
  });
  try {
    await Promise.race([once(shell.stdout, 'data'), failed(shell)]);
    return numbers.map((n) => openEnds(`/proc/${shell.pid}/fd/${n}`));
  } finally {
    shell.kill('SIGKILL');
  }
}

async function failed(shell: ChildProcess): Promise<never> {
  await once(shell, 'close');
  throw new Error('the shell made no pipes');
}

function openEnds(path: string): Ends {
  const read = openSync(path, O_RDONLY);
  if (!fstatSync(read).isFIFO()) {
    closeSync(read);
    throw new Error('the shell keeps here-documents elsewhere');
  }
  return { read, write: openSync(path, O_WRONLY) };
}
