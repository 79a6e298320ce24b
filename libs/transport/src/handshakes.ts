import type { StreamEnd } from './byte-stream.js';

/** One that runs. */
export interface Handshake {
  /** Changes with each word of the peer. */
  readonly heard: () => number;
  readonly drop: (end: StreamEnd) => void;
}

export interface HandshakesOptions<T> {
  /** So many at once. */
  readonly most: number;
  readonly begin: (newcomer: T) => Handshake;
  /** Without ever having begun. */
  readonly refuse: (newcomer: T, end: StreamEnd) => void;
}

/**
 * Time is counted in looks: when we are slow ourselves there are fewer of them, and what a peer said meanwhile is read before the
 * next one.
 */
const lookMs = 500;
/** From its beginning to the peer's settings. */
const mostLooks = 10;
/** While others wait, who says nothing for so long loses his place to them. */
const mostSilentLooks = 2;
/** Newcomers that wait, for each handshake that may run: they cost no cryptography. */
const waitingEach = 16;
/** Who has waited so long has given up, or will in the middle of the handshake. */
const waitMs = 8_000;

interface Running {
  readonly handshake: Handshake;
  timer: NodeJS.Timeout;
  looks: number;
  silentLooks: number;
  heard: number;
}

interface Waiting<T> {
  readonly key: string;
  readonly newcomer: T;
  readonly since: number;
}

/**
 * Who has connected and is not yet a carrier. When thousands come at once a few shake hands and the rest wait, so that what was begun
 * is finished. Addresses have their turns one after the other, and when there is no more room to wait, the longest line gives it up:
 * nobody gets on faster by asking more often, or keeps others out.
 */
export class Handshakes<T> {
  readonly #running = new Map<string, Running>();
  /** Their addresses. */
  readonly #waiting = new Map<string, string>();
  readonly #lines = new Map<string, Waiting<T>[]>();

  constructor(private readonly options: HandshakesOptions<T>) {}

  /** @param key what it is known by; one that waits already may come again */
  arrive(key: string, address: string, newcomer: T): void {
    const { most, refuse } = this.options;
    if (this.#waiting.has(key)) return;
    if (this.#running.size < most) this.#begin(key, newcomer);
    else if (this.#waiting.size < most * waitingEach || this.#makeRoom(address)) this.#wait(key, address, newcomer);
    else refuse(newcomer, limit('too many handshakes at once'));
  }

  /** It is a carrier, or nothing any more. */
  done(key: string): void {
    this.#leave(key);
    const running = this.#running.get(key);
    if (!running) return;
    clearTimeout(running.timer);
    this.#running.delete(key);
    const next = this.#next();
    if (next) this.#begin(next.key, next.newcomer);
  }

  /** Nobody new any more. @param end for those who wait, and those who are at it */
  close(end: StreamEnd): void {
    for (const line of this.#lines.values()) for (const { newcomer } of line) this.options.refuse(newcomer, end);
    this.#lines.clear();
    this.#waiting.clear();
    for (const key of [...this.#running.keys()]) this.#drop(key, end);
  }

  #begin(key: string, newcomer: T): void {
    const handshake = this.options.begin(newcomer);
    const timer = this.#lookLater(key);
    this.#running.set(key, { handshake, timer, looks: 0, silentLooks: 0, heard: handshake.heard() });
  }

  #lookLater(key: string): NodeJS.Timeout {
    return setTimeout(() => setImmediate(() => this.#look(key)), lookMs).unref();
  }

  #look(key: string): void {
    const running = this.#running.get(key);
    if (!running) return;
    const heard = running.handshake.heard();
    running.looks++;
    running.silentLooks = heard === running.heard ? running.silentLooks + 1 : 0;
    running.heard = heard;
    if (running.looks >= mostLooks) this.#drop(key, limit('the handshake took too long'));
    else if (this.#waiting.size > 0 && running.silentLooks >= mostSilentLooks)
      this.#drop(key, limit('silent while others waited'));
    else running.timer = this.#lookLater(key);
  }

  #drop(key: string, end: StreamEnd): void {
    this.#running.get(key)?.handshake.drop(end);
    this.done(key);
  }

  #wait(key: string, address: string, newcomer: T): void {
    const waiting = { key, newcomer, since: performance.now() };
    const line = this.#lines.get(address);
    if (line) line.push(waiting);
    else this.#lines.set(address, [waiting]);
    this.#waiting.set(key, address);
  }

  #leave(key: string): void {
    const address = this.#waiting.get(key);
    if (address === undefined) return;
    this.#waiting.delete(key);
    const left = this.#lines.get(address)?.filter((waiting) => waiting.key !== key) ?? [];
    if (left.length > 0) this.#lines.set(address, left);
    else this.#lines.delete(address);
  }

  /** The last of the longest line goes, if that is longer than the newcomer's would be. */
  #makeRoom(address: string): boolean {
    let longest: Waiting<T>[] = [];
    for (const line of this.#lines.values()) if (line.length > longest.length) longest = line;
    const ownLength = this.#lines.get(address)?.length ?? 0;
    const last = longest.at(-1);
    if (!last || longest.length <= ownLength + 1) return false;
    longest.pop();
    this.#waiting.delete(last.key);
    this.options.refuse(last.newcomer, limit('too many handshakes at once'));
    return true;
  }

  /** Of the address whose turn it is, who came first. */
  #next(): Waiting<T> | undefined {
    for (const [address, line] of this.#lines) {
      const first = line.shift();
      this.#lines.delete(address);
      if (line.length > 0) this.#lines.set(address, line);
      if (!first) continue;
      this.#waiting.delete(first.key);
      if (performance.now() - first.since < waitMs) return first;
      this.options.refuse(first.newcomer, limit('waited too long for its handshake'));
    }
    return undefined;
  }
}

const limit = (detail: string): StreamEnd => ({ code: 'limit', detail });
