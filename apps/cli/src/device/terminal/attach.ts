import type { Readable, Writable } from 'node:stream';
import {
  exitMessage,
  type FrameStream,
  type FrameType,
  frameJson,
  frameTypes,
  maxFrameBytes,
} from '@gatehouse/session';
import type { EndCode } from '../../command.js';
import { exitCodes, Failure } from '../../failure.js';
import { converse } from '../dial/failures.js';
import { Escape } from './escape.js';
import { connectionLost, exitCodeOf } from './exit-code.js';

/** This side of a program on a device. */
export interface LocalSide {
  readonly stdin: Readable & { readonly isTTY?: boolean; setRawMode?(isRaw: boolean): unknown };
  readonly stdout: Writable & { readonly columns?: number; readonly rows?: number };
  readonly stderr: Writable;
  /** Where signals of this process are heard. */
  readonly signals: Pick<NodeJS.EventEmitter, 'on' | 'off'>;
  /** For the person. */
  note(text: string): void;
}

export interface AttachOptions {
  /** False: the program's standard input is empty. */
  readonly stdin: boolean;
  /** Keys go to the device one by one, and `Enter ~ .` ends it. */
  readonly isTerminal: boolean;
  /** A connection and no program: it has no size, gets no signals, and its end is a good one. */
  readonly isLine?: boolean;
}

const forwarded = {
  SIGINT: 'INT',
  SIGTERM: 'TERM',
  SIGHUP: 'HUP',
  SIGQUIT: 'QUIT',
  SIGUSR1: 'USR1',
  SIGUSR2: 'USR2',
} as const;
type Forwarded = keyof typeof forwarded;
/** Who asks three times wants out, whether the device answers or not. */
const patience = 3;
const interrupted = 130;
export const defaultSize = { rows: 24, columns: 80 };

export const sizeOf = ({ rows, columns }: LocalSide['stdout']) => ({
  rows: rows && rows > 0 ? Math.min(rows, 4_096) : defaultSize.rows,
  columns: columns && columns > 0 ? Math.min(columns, 4_096) : defaultSize.columns,
});

/**
 * Joins a program on a device with this process until it ends: bytes both ways as they are, standard error apart, signals
 * and the size of the terminal over there. Reads no faster than it is written on either side.
 *
 * @returns the program's exit code, 128 and the signal that ended it, or 255 when the session broke off
 */
export function attach(stream: FrameStream, local: LocalSide, options: AttachOptions): Promise<EndCode> {
  return new Promise((resolve, reject) => new Attachment(stream, local, options, resolve, reject).begin());
}

class Attachment {
  readonly #undo: (() => void)[] = [];
  readonly #escape = new Escape();
  readonly #blocked = new Set<Writable>();
  #accepted = false;
  #isOver = false;
  #interrupts = 0;

  constructor(
    private readonly stream: FrameStream,
    private readonly local: LocalSide,
    private readonly options: AttachOptions,
    private readonly resolve: (code: EndCode) => void,
    private readonly reject: (error: unknown) => void,
  ) {}

  begin(): void {
    converse(this.stream, {
      accepted: () => this.#begun(),
      frame: (type, payload) => this.#frame(type, payload),
      drain: () => this.options.stdin && !this.#isOver && this.local.stdin.resume(),
      over: (failure) => this.#broken(failure),
    });
    for (const name of Object.keys(forwarded) as Forwarded[])
      this.#listen(this.local.signals, name, () => this.#signal(name));
    for (const out of [this.local.stdout, this.local.stderr])
      this.#listen(out, 'error', () => this.#abandon(exitCodes.ok));
  }

  #begun(): void {
    this.#accepted = true;
    const { stdin, stdout } = this.local;
    if (this.options.isTerminal) {
      if (!this.options.isLine)
        this.#listen(stdout, 'resize', () => this.stream.sendJson(frameTypes.resize, sizeOf(stdout)));
      if (stdin.isTTY && this.options.stdin) {
        stdin.setRawMode?.(true);
        this.#undo.push(() => stdin.setRawMode?.(false));
      }
    }
    if (!this.options.stdin) return;
    this.#listen(stdin, 'data', (chunk: Uint8Array) => this.#typed(chunk));
    this.#listen(stdin, 'end', () => this.stream.send(frameTypes.eof, new Uint8Array(0)));
    stdin.resume();
  }

  #typed(chunk: Uint8Array): void {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    const { send, isOut } = this.options.isTerminal ? this.#escape.take(bytes) : { send: bytes, isOut: false };
    if (isOut) {
      this.#abandon(connectionLost);
      return;
    }
    let mayGoOn = true;
    for (let at = 0; at < send.length; at += maxFrameBytes)
      mayGoOn = this.stream.send(frameTypes.data, send.subarray(at, at + maxFrameBytes));
    if (!mayGoOn) this.local.stdin.pause();
  }

  #frame(type: FrameType, payload: Uint8Array): void {
    if (type === frameTypes.data) this.#write(this.local.stdout, payload);
    else if (type === frameTypes.stderr) this.#write(this.local.stderr, payload);
    else if (type === frameTypes.exit) this.#exited(payload);
    else if (type === frameTypes.eof && this.options.isLine) this.#finish(exitCodes.ok);
  }

  #write(out: Writable, payload: Uint8Array): void {
    if (this.#isOver || out.write(Buffer.from(payload)) || this.#blocked.has(out)) return;
    this.#blocked.add(out);
    this.stream.pause();
    out.once('drain', () => {
      this.#blocked.delete(out);
      if (this.#blocked.size === 0) this.stream.resume();
    });
  }

  #exited(payload: Uint8Array): void {
    const exit = frameJson(exitMessage, payload);
    this.#finish(exit ? exitCodeOf(exit) : connectionLost);
  }

  #finish(code: EndCode): void {
    if (this.#isOver) return;
    this.#end();
    this.stream.end();
    // The last of the output is on its way: who reads it gets all of it first.
    this.local.stdout.write('', () => this.local.stderr.write('', () => this.resolve(code)));
  }

  #signal(name: Forwarded): void {
    const isOut = ++this.#interrupts >= patience || !this.#accepted || this.options.isLine;
    if (isOut) this.#abandon(interrupted as EndCode);
    else this.stream.sendJson(frameTypes.signal, { signal: forwarded[name] });
  }

  /** The person, or the reader of the output, wants no more of it. */
  #abandon(code: EndCode): void {
    if (this.#isOver) return;
    this.#end();
    this.stream.reset({ code: 'cancelled' });
    this.resolve(code);
  }

  #broken(failure: Failure | undefined): void {
    if (this.#isOver) return;
    this.#end();
    const why = failure ?? new Failure(exitCodes.unavailable, 'the device ended the session without a word');
    if (!this.#accepted) {
      this.reject(why);
      return;
    }
    this.local.note(`gatehouse: ${why.message}`);
    this.resolve(connectionLost);
  }

  #end(): void {
    this.#isOver = true;
    for (const undo of this.#undo.splice(0)) undo();
    if (this.options.stdin) this.local.stdin.pause();
  }

  #listen(source: Pick<NodeJS.EventEmitter, 'on' | 'off'>, event: string, listener: (...given: never[]) => void): void {
    source.on(event, listener as (...given: unknown[]) => void);
    this.#undo.push(() => source.off(event, listener as (...given: unknown[]) => void));
  }
}
