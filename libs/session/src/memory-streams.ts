import type { ByteStream, StreamEnd } from '@gatehouse/transport';

type Callbacks = Pick<ByteStream, 'onData' | 'onEnd' | 'onReset' | 'onDrain'>;
const unset = (): void => undefined;

/** One end: what is written there comes out here, in a turn of its own. */
class MemoryStream implements ByteStream {
  onEnd: Callbacks['onEnd'] = unset;
  onReset: Callbacks['onReset'] = unset;
  onDrain: Callbacks['onDrain'] = unset;
  peer: MemoryStream | undefined;
  #onData: Callbacks['onData'] = unset;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #owesDrain = false;
  #peerEnded = false;
  #ended = false;
  #paused = false;
  #isOver = false;
  #isScheduled = false;

  constructor(private readonly window: number) {}

  get onData(): Callbacks['onData'] {
    return this.#onData;
  }

  set onData(callback: Callbacks['onData']) {
    this.#onData = callback;
    this.#schedule();
  }

  write(chunk: Uint8Array): boolean {
    const { peer } = this;
    if (this.#isOver || this.#ended || !peer) return true;
    if (chunk.byteLength > 0) {
      peer.#waiting.push(new Uint8Array(chunk));
      peer.#waitingBytes += chunk.byteLength;
      peer.#schedule();
    }
    peer.#owesDrain ||= peer.#waitingBytes >= this.window;
    return !peer.#owesDrain;
  }

  end(): void {
    if (this.#isOver || this.#ended || !this.peer) return;
    this.#ended = true;
    this.peer.#peerEnded = true;
    this.peer.#schedule();
  }

  reset(end: StreamEnd): void {
    const { peer } = this;
    if (this.#isOver) return;
    this.#stop();
    if (!peer || peer.#isOver) return;
    queueMicrotask(() => {
      if (peer.#isOver) return;
      peer.#stop();
      peer.onReset(end);
    });
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  #stop(): void {
    this.#isOver = true;
    this.#waiting = [];
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isOver) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#deliver();
    });
  }

  #mayRead(): boolean {
    return !this.#isOver && !this.#paused && this.#onData !== unset;
  }

  #deliver(): void {
    while (this.#mayRead() && this.#waiting.length > 0) {
      const chunk = this.#waiting.shift() as Uint8Array;
      this.#waitingBytes -= chunk.byteLength;
      this.#onData(chunk);
    }
    if (this.#owesDrain && this.#waitingBytes < this.window / 2 && !this.#isOver) {
      this.#owesDrain = false;
      const { peer } = this;
      if (peer && !peer.#isOver) peer.onDrain();
    }
    if (!this.#mayRead() || this.#waiting.length > 0 || !this.#peerEnded) return;
    this.#peerEnded = false;
    this.onEnd();
  }
}

/**
 * Two ends of a byte stream within one process, for tests and for a client and a device in one. `window` is how many bytes may wait
 * before `write` says false.
 *
 * @example const [client, device] = memoryStreams();
 */
export function memoryStreams(window = 256 * 1_024): [ByteStream, ByteStream] {
  const one = new MemoryStream(window);
  const other = new MemoryStream(window);
  one.peer = other;
  other.peer = one;
  return [one, other];
}
