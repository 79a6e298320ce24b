import { StreamReset } from '@gatehouse/transport';
import { dialRelay, type RelayLine, type RelayReach, retire } from '../dial-relay.js';

/** A relay that failed is tried after the others for so long. */
const shunnedMs = 30_000;

/** One carrier to each relay that is in use, shared by all sessions of the process. */
export class RelayLines {
  readonly #lines = new Map<string, Promise<RelayLine>>();
  readonly #shunnedUntil = new Map<string, number>();
  #isClosed = false;

  constructor(
    private readonly reach: RelayReach,
    private readonly agent: string,
    /** That relay will stop: what goes over it should go over another one. */
    private readonly onGoAway: (address: string) => void,
  ) {}

  /**
   * A line to one of these relays: one that stands, else the first that answers, those that failed lately last.
   *
   * @throws StreamReset, RelayRefused of the last one, when none does
   */
  async get(relays: readonly string[]): Promise<RelayLine> {
    const now = performance.now();
    const until = (address: string) => Math.max(now, this.#shunnedUntil.get(address) ?? 0);
    const ordered = [...new Set(relays)].sort(
      (a, b) => until(a) - until(b) || Number(this.#lines.has(b)) - Number(this.#lines.has(a)),
    );
    let failure: unknown = new StreamReset({ code: 'unreachable', detail: 'no relay is known' });
    for (const address of ordered) {
      if (this.#isClosed) throw new StreamReset({ code: 'cancelled' });
      try {
        return await (this.#lines.get(address) ?? this.#dial(address));
      } catch (error) {
        failure = error;
        this.shun(address);
      }
    }
    throw failure;
  }

  /** Something is wrong with this relay: others first. */
  shun(address: string): void {
    this.#shunnedUntil.set(address, performance.now() + shunnedMs);
  }

  /** `done`: not lost, and not coming back. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const lines = await Promise.allSettled(this.#lines.values());
    this.#lines.clear();
    await Promise.all(lines.map((line) => line.status === 'fulfilled' && line.value.carrier.close({ code: 'done' })));
  }

  #dial(address: string): Promise<RelayLine> {
    const forget = () => {
      if (this.#lines.get(address) === line) this.#lines.delete(address);
    };
    const leave = () => {
      forget();
      this.shun(address);
    };
    const line = dialRelay({
      ...this.reach,
      address,
      hello: () => ({ type: 'hello', role: 'client', version: 1, agent: this.agent }),
      // Nobody opens a stream to a client.
      onStream: (stream) => stream.reset({ code: 'protocol' }),
      onMessage: () => undefined,
      onGoAway: () => {
        if (this.#lines.get(address) === line) void line.then(retire);
        leave();
        this.onGoAway(address);
      },
      onClose: leave,
    });
    this.#lines.set(address, line);
    line.catch(forget);
    return line;
  }
}
