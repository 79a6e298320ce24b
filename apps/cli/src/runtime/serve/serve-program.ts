import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { safeParse } from '@gatehouse/schema';
import { type FrameType, frameTypes, resizeMessage, type ServedSession, signalMessage } from '@gatehouse/session';
import type { RuntimeHost } from '../host.js';
import { newMark, programEnvironment } from '../process/environment.js';
import { findProgram } from '../process/login-shell.js';
import { type Exit, endOf, endOfInput, type Program, startProgram, type Terminal } from '../process/program.js';
import { startRecording, type Tap } from '../recording/recorder.js';
import { OutgoingFrames } from '../stream/outgoing-frames.js';

export interface WantedProgram {
  readonly argv: readonly [string, ...string[]];
  readonly terminal?: Terminal | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
  readonly stdin: boolean;
}

type Session = ServedSession<'shell'> | ServedSession<'exec'>;

/** Runs a program for a session: its output, its errors and its end in frames of their own. */
export function serveProgram(session: Session, wanted: WantedProgram, host: RuntimeHost): void {
  const out = new OutgoingFrames(session.stream);
  session.stream.pause();
  void tryToStart(session, wanted, host, out).then((program) => {
    if (program !== undefined) new ProgramSession(session, wanted, host, out, program).begin();
  });
}

async function tryToStart(
  session: Session,
  wanted: WantedProgram,
  host: RuntimeHost,
  out: OutgoingFrames,
): Promise<Program | undefined> {
  const mark = newMark(host.tag);
  const { account, shell } = host;
  const cwd = existsSync(account.home) ? account.home : '/';
  const environment = programEnvironment(host.env, {
    ...{ account, shell, mark },
    ...{ wanted: wanted.environment, terminal: wanted.terminal?.term },
  });
  const [name, ...args] = wanted.argv;
  if (wanted.argv.some((one) => one.includes('\0'))) {
    out.fail('protocol', 'no argument can hold a NUL');
    return undefined;
  }
  const found = findProgram(name, environment.PATH ?? '', cwd);
  if ('exitCode' in found) {
    tellExit(session, out, `${printableName(name)}: ${found.reason}\n`, found.exitCode);
    return undefined;
  }
  try {
    const { terminal, stdin } = wanted;
    const program = { file: found.path, args, environment, cwd, mark, terminal, stdin };
    return await startProgram(program, host.pipes, host.patience);
  } catch (error) {
    out.fail('limit', `no process could be started (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
    return undefined;
  }
}

/** As a shell would: words on the standard error, and the code. */
function tellExit(session: Session, out: OutgoingFrames, words: string, code: number): void {
  out.json(frameTypes.accepted, {});
  out.send(frameTypes.stderr, Buffer.from(words));
  session.report({ kind: 'exit', code, signal: null });
  out.finish(frameTypes.exit, { code, signal: null } satisfies Exit);
}

const printableName = (name: string): string => name.slice(0, 256).replace(/[^\x20-\x7e]/g, '?');

class ProgramSession {
  #isOver = false;
  #tap: Tap | undefined;

  constructor(
    private readonly session: Session,
    private readonly wanted: WantedProgram,
    private readonly host: RuntimeHost,
    private readonly out: OutgoingFrames,
    private readonly program: Program,
  ) {}

  begin(): void {
    const { session, program, out } = this;
    this.#listen();
    if (session.grant.record === true) this.#tap = this.#record();
    out.json(frameTypes.accepted, { pid: program.pid });
    const outputs = [this.#pump(program.stdout, frameTypes.data)];
    if (program.stderr) outputs.push(this.#pump(program.stderr, frameTypes.stderr));
    void endOf(program, Promise.all(outputs)).then(
      (exit) => this.#exited(exit),
      (error: NodeJS.ErrnoException) => this.#failedToRun(error),
    );
  }

  #listen(): void {
    const { stream, ended } = this.session;
    const { stdin } = this.program;
    stdin?.on('drain', () => stream.resume());
    // A program that reads no more is no error: what comes for it is dropped.
    stdin?.on('error', () => stream.resume());
    stdin?.on('close', () => stream.resume());
    stream.onFrame = (type, payload) => this.#take(type, payload);
    stream.onEnd = () => this.#endInput();
    stream.onReset = () => this.#stop();
    stream.resume();
    if (ended.aborted) this.#stop();
    else ended.addEventListener('abort', () => this.#stop(), { once: true });
  }

  #take(type: FrameType, payload: Uint8Array): void {
    if (type === frameTypes.data) this.#input(payload);
    else if (type === frameTypes.eof) this.#endInput();
    else if (type === frameTypes.resize) this.#resize(payload);
    else if (type === frameTypes.signal) this.#signal(payload);
    else this.#giveUp('unexpected frame');
  }

  #input(payload: Uint8Array): void {
    const { stdin } = this.program;
    if (stdin?.writable && !stdin.write(Buffer.from(payload))) this.session.stream.pause();
  }

  #endInput(): void {
    const { stdin } = this.program;
    if (!stdin?.writable) return;
    if (this.wanted.terminal) stdin.write(endOfInput);
    else stdin.end();
  }

  #resize(payload: Uint8Array): void {
    const size = safeParse(resizeMessage, parseJson(payload)).data;
    if (size === undefined) this.#giveUp('bad resize');
    else {
      this.program.resize(size.rows, size.columns);
      this.#tap?.resized(size.rows, size.columns);
    }
  }

  #signal(payload: Uint8Array): void {
    const wanted = safeParse(signalMessage, parseJson(payload)).data;
    if (wanted === undefined) this.#giveUp('bad signal');
    else void this.program.signal(wanted.signal);
  }

  /** Nothing is cut: a full stream stops the program, and the program's end waits for its output. */
  #pump(source: Readable, type: FrameType): Promise<void> {
    return new Promise((resolve) => {
      source.on('data', (chunk: Buffer) => {
        const recorded = this.#tap?.output(chunk);
        const isFull = !this.out.send(type, chunk);
        if (!isFull && recorded === undefined) return;
        source.pause();
        void Promise.all([this.out.room(), recorded]).then(() => source.resume());
      });
      source.once('end', resolve);
      source.once('close', resolve);
      source.on('error', () => resolve());
    });
  }

  #record(): Tap {
    const { wanted, session, host } = this;
    const { rows, columns } = wanted.terminal ?? { rows: 24, columns: 80 };
    return startRecording(host.recordings, {
      ...{ sessionId: session.grant.sid, rows, columns, report: session.report.bind(session) },
      onFailure: (reason) => {
        this.out.fail('io', `the recording cannot be written (${reason}): the session is ended`);
        this.#stop();
      },
    });
  }

  async #exited(exit: Exit): Promise<void> {
    // Told before the last frame: the recording of a session that is over is whole.
    await this.#tap?.close();
    if (!this.#isOver) {
      this.session.report({ kind: 'exit', ...exit });
      this.out.finish(frameTypes.exit, exit);
    }
    await this.#clean();
  }

  #failedToRun(error: NodeJS.ErrnoException): void {
    void this.#tap?.close();
    this.session.report({ kind: 'exit', code: 126, signal: null });
    this.out.send(frameTypes.stderr, Buffer.from(`${printableName(this.wanted.argv[0])}: ${error.code}\n`));
    this.out.finish(frameTypes.exit, { code: 126, signal: null } satisfies Exit);
    this.program.release();
  }

  #giveUp(detail: string): void {
    this.out.fail('protocol', detail);
    this.#stop();
  }

  /** The session is over, whatever the program thinks of it. */
  #stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.out.abandon();
    void this.#clean();
  }

  async #clean(): Promise<void> {
    const left = await this.program.end();
    if (left > 0) this.host.log.write(3, `${left} processes of session ${this.session.grant.sid} could not be ended`);
    this.program.release();
  }
}

function parseJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString('utf8'));
  } catch {
    return undefined;
  }
}
