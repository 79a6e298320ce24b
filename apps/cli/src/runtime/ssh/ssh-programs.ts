import { existsSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import type { ServedSession } from '@gatehouse/session';
import type { ServerChannel, Session } from 'ssh2';
import type { RuntimeHost } from '../host.js';
import { newMark, programEnvironment } from '../process/environment.js';
import { endOf, endOfInput, type Program, startProgram, type Terminal } from '../process/program.js';
import { startRecording, type Tap } from '../recording/recorder.js';

/** Of the environment that a client sends; as the kinds of our own have it. */
const wanted = /^(LANG|LC_[A-Z]+|TZ|COLORTERM)$/;
const maxVariables = 32;
const signals = /^(INT|TERM|HUP|QUIT|KILL|USR1|USR2|TSTP|CONT)$/;
const size = (n: number): number => Math.min(4_096, Math.max(1, n));

/** Shells and programs of one ssh connection. */
export class SshPrograms {
  readonly #running = new Set<Program>();
  #isOver = false;

  constructor(
    private readonly session: ServedSession<'ssh'>,
    private readonly host: RuntimeHost,
    private readonly fail: (reason: string) => void,
  ) {}

  serve(channel: Session, may: { readonly shell: boolean; readonly exec: boolean }): void {
    const environment: Record<string, string> = {};
    let terminal: Terminal | undefined;
    let program: Program | undefined;
    channel.on('pty', (accept, _refuse, info) => {
      const term = (info as { term?: string }).term ?? '';
      terminal = {
        ...{ term: /^[A-Za-z0-9._+-]{1,64}$/.test(term) ? term : 'dumb' },
        ...{ rows: size(info.rows), columns: size(info.cols) },
      };
      accept?.();
    });
    channel.on('env', (accept, refuse, { key, val }) => {
      if (!wanted.test(key) || val.length > 256 || Object.keys(environment).length >= maxVariables) return refuse?.();
      environment[key] = val;
      accept?.();
    });
    channel.on('window-change', (accept, _refuse, { rows, cols }) => {
      program?.resize(size(rows), size(cols));
      accept?.();
    });
    channel.on('signal', (accept, refuse, { name }) => {
      const short = name.replace(/^SIG/, '');
      if (!signals.test(short)) return refuse?.();
      void program?.signal(short);
      accept?.();
    });
    const run = async (stream: ServerChannel, args: readonly string[]) => {
      program = await this.#start(args, terminal, environment).catch(() => undefined);
      if (program === undefined) {
        stream.exit(126);
        stream.end();
      } else await this.#run(program, stream, terminal);
    };
    channel.on('shell', (accept, refuse) => (may.shell ? void run(accept(), ['-l']) : refuse?.()));
    channel.on('exec', (accept, refuse, { command }) => (may.exec ? void run(accept(), ['-c', command]) : refuse?.()));
  }

  /** Whatever they started, too. */
  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all([...this.#running].map((program) => this.#clean(program)));
  }

  #start(args: readonly string[], terminal: Terminal | undefined, wish: Record<string, string>): Promise<Program> {
    const { account, shell, env, tag, pipes, patience } = this.host;
    const mark = newMark(tag);
    const environment = programEnvironment(env, { account, shell, mark, wanted: wish, terminal: terminal?.term });
    const cwd = existsSync(account.home) ? account.home : '/';
    return startProgram({ file: shell, args, environment, cwd, mark, terminal, stdin: true }, pipes, patience);
  }

  async #run(program: Program, stream: ServerChannel, terminal: Terminal | undefined): Promise<void> {
    this.#running.add(program);
    if (this.#isOver) return this.#clean(program);
    const tap = this.session.grant.record === true ? this.#record(terminal) : undefined;
    takeInput(program, stream, terminal !== undefined);
    stream.on('close', () => void this.#clean(program));
    stream.on('error', () => undefined);
    const outputs = [pump(program.stdout, stream, tap)];
    if (program.stderr) outputs.push(pump(program.stderr, stream.stderr, tap));
    const exit = await endOf(program, Promise.all(outputs));
    await tap?.close();
    this.session.report({ kind: 'exit', ...exit });
    if (exit.signal === null) stream.exit(exit.code ?? 255);
    else stream.exit(exit.signal);
    stream.end();
    await this.#clean(program);
  }

  #record(terminal: Terminal | undefined): Tap {
    const { rows, columns } = terminal ?? { rows: 24, columns: 80 };
    const { grant } = this.session;
    return startRecording(this.host.recordings, {
      ...{ sessionId: grant.sid, rows, columns, report: (event) => this.session.report(event) },
      onFailure: (reason) => {
        this.fail(`the recording cannot be written (${reason}): the session is ended`);
        void this.end();
      },
    });
  }

  async #clean(program: Program): Promise<void> {
    const left = await program.end();
    if (left > 0) this.host.log.write(3, `${left} processes of an ssh session could not be ended`);
    program.release();
    this.#running.delete(program);
  }
}

function takeInput({ stdin }: Program, stream: ServerChannel, isTerminal: boolean): void {
  if (stdin === undefined) return;
  stream.on('data', (chunk: Buffer) => {
    if (stdin.writable && !stdin.write(chunk)) stream.pause();
  });
  stream.on('end', () => {
    if (!stdin.writable) return;
    if (isTerminal) stdin.write(endOfInput);
    else stdin.end();
  });
  for (const event of ['drain', 'error', 'close']) stdin.on(event, () => stream.resume());
}

/** Resolves when all of it was taken: the exit code is told behind it. */
function pump(source: Readable, target: Writable, tap: Tap | undefined): Promise<void> {
  return new Promise((resolve) => {
    let [pending, isOver] = [0, false];
    const settle = () => {
      if (isOver && pending === 0) resolve();
    };
    const over = () => {
      isOver = true;
      settle();
    };
    source.on('data', (chunk: Buffer) => {
      if (!target.writable) return;
      pending += 1;
      const isFull = !target.write(chunk, () => {
        pending -= 1;
        if (pending === 0) source.resume();
        settle();
      });
      const recorded = tap?.output(chunk);
      if (isFull) source.pause();
      if (recorded === undefined) return;
      source.pause();
      void recorded.then(() => source.resume());
    });
    for (const event of ['end', 'close', 'error']) source.once(event, over);
    target.once('close', () => {
      pending = 0;
      source.resume();
      settle();
    });
  });
}
