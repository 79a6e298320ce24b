import type { FrameStream, FrameType } from '@gatehouse/session';
import type { StreamEnd } from '@gatehouse/transport';

/** So much may be on its way before `send` answers false. */
const windowBytes = 256 * 1024;

type Event = { readonly run: (to: FrameStream) => void; readonly bytes: number };

/** One end of a pair in memory that keeps the rules of `FrameStream`: no callback from within a method, copies, backpressure. */
class PairEnd implements FrameStream {
  onFrame: FrameStream['onFrame'] = () => undefined;
  onEnd = () => {};
  onReset: FrameStream['onReset'] = () => undefined;
  onDrain = () => {};
  peer!: PairEnd;
  readonly #inbox: Event[] = [];
  #inFlight = 0;
  #isPaused = false;
  #isScheduled = false;
  #isDead = false;
  #isEnded = false;

  send(type: FrameType, payload: Uint8Array): boolean {
    if (this.#isEnded) throw new Error('sent after the end');
    const copy = Uint8Array.from(payload);
    this.#inFlight += copy.length;
    this.peer.#put({ run: (to) => to.onFrame(type, copy), bytes: copy.length });
    return this.#inFlight < windowBytes;
  }

  sendJson(type: FrameType, value: unknown): boolean {
    return this.send(type, Buffer.from(JSON.stringify(value)));
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.peer.#put({ run: (to) => to.onEnd(), bytes: 0 });
  }

  reset(end: StreamEnd): void {
    this.#isDead = true;
    this.#isEnded = true;
    this.peer.#put({
      run: (to) => {
        this.peer.#isDead = true;
        to.onReset(end);
      },
      bytes: 0,
    });
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#schedule();
  }

  #put(event: Event): void {
    this.#inbox.push(event);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#deliver());
  }

  #deliver(): void {
    this.#isScheduled = false;
    while (!this.#isPaused && !this.#isDead) {
      const event = this.#inbox.shift();
      if (event === undefined) return;
      event.run(this);
      this.peer.#delivered(event.bytes);
    }
  }

  #delivered(bytes: number): void {
    const wasFull = this.#inFlight >= windowBytes;
    this.#inFlight -= bytes;
    if (wasFull && this.#inFlight < windowBytes && !this.#isDead) setImmediate(() => this.onDrain());
  }
}

/** Client's and device's end of one stream. */
export function framePair(): { readonly client: FrameStream; readonly device: FrameStream } {
  const client = new PairEnd();
  const device = new PairEnd();
  client.peer = device;
  device.peer = client;
  return { client, device };
}
