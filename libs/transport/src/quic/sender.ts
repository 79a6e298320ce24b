import { smallestDatagram, usualDatagram } from './config.js';
import type { ConnectionTimer } from './connection-timer.js';
import type { Connection } from './native.js';
import type { Outlet } from './outlet.js';
import type { Paths } from './paths.js';

/** Bytes that go out before others have their turn in the event loop. */
const burstBytes = 131_072;
/** An answer mostly takes the acknowledgement along (RFC 9000 13.2.1); it may wait for one as long as this. */
const ackWaitMs = 5;
/** So often in a row nothing was heard of what was sent: perhaps the path drops packets of that size. */
const blackHoleTimeouts = 3;

interface SenderOptions {
  readonly connection: Connection;
  readonly timer: ConnectionTimer;
  readonly paths: Paths;
  readonly outlet: Outlet;
  readonly idleMs: number;
  /** Nothing more will come of this connection. */
  readonly onBroken: () => void;
}

/** When packets of one connection go out, and how large they are. */
export class Sender {
  outlet: Outlet;
  datagram = smallestDatagram;
  #isDue = false;
  #owesAckSince: number | undefined;
  /** Of what it would acknowledge, one packet had data. */
  #owesForData = false;
  #ackTimer: NodeJS.Timeout | undefined;
  #isStopped = false;
  /** To what becomes of the packets. */
  #listens = false;

  constructor(private readonly options: SenderOptions) {
    this.outlet = options.outlet;
  }

  /** At the end of this turn. */
  soon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    process.nextTick(this.now);
  }

  /**
   * After a packet that came alone: an acknowledgement by itself, in both directions, would double the packets of a conversation. One
   * without data is most likely such an acknowledgement, for which none is owed: it does not make the next wait any less.
   */
  answer(hadData: boolean): void {
    if (this.#isDue || (hadData && this.#owesForData) || this.#isWaiting()) this.soon();
    else {
      this.#owesForData ||= hadData;
      this.#owesAckSince ??= performance.now();
      this.#ackTimer ??= setTimeout(this.#ackDue, ackWaitMs);
    }
  }

  readonly now = (): void => {
    this.#isDue = false;
    this.#owesAckSince = undefined;
    this.#owesForData = false;
    if (this.#isStopped) return;
    const { outlet } = this;
    const { timer } = this.options;
    let left = burstBytes;
    while (left > 0 && !outlet.isFull) {
      const packet = this.#nextPacket();
      if (!packet) break;
      const [length, { to }] = packet;
      outlet.send(length, to.host, to.port, this.#listens);
      left -= length;
    }
    outlet.finish();
    if (left <= 0 || outlet.isFull) this.#later();
    timer.arm();
  };

  /** quiche has waited in vain, perhaps for packets on a path that was left. */
  afterTimeout(): void {
    this.#doubtSize();
    if (!this.#isStopped && !this.outlet.isFull) this.options.paths.askAfterLosses(this.outlet, this.datagram);
    // Perhaps nobody is there any more, and the kernel knows.
    this.#listens = true;
    this.now();
    this.#listens = false;
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#ackTimer);
  }

  /**
   * A path may take the small packets of a handshake and drop larger ones without a word (RFC 8899 4.3): what was lost is then
   * cut anew, down to what every path of QUIC takes.
   */
  #doubtSize(): void {
    const { timer } = this.options;
    if (timer.timeouts < blackHoleTimeouts) return;
    timer.timeouts = 0;
    this.datagram = Math.min(this.datagram, this.datagram > usualDatagram ? usualDatagram : smallestDatagram);
  }

  /** Of ours something is on its way: then quiche waits for less than a dead peer, and may have more that was held back. */
  #isWaiting(): boolean {
    return (this.options.connection.timeout() ?? 0) < this.options.idleMs / 2;
  }

  readonly #ackDue = (): void => {
    this.#ackTimer = undefined;
    if (this.#owesAckSince === undefined) return;
    // The one that it was set for may have gone out, and this be another.
    if (performance.now() - this.#owesAckSince > ackWaitMs / 2) this.now();
    else this.#ackTimer = setTimeout(this.#ackDue, ackWaitMs);
  };

  #later(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(this.now);
  }

  #nextPacket(): ReturnType<Connection['send']> {
    try {
      return this.options.connection.send(this.outlet.room(this.datagram));
    } catch {
      // No id to send with, or something in quiche that does not fit together.
      process.nextTick(this.options.onBroken);
      return null;
    }
  }
}
