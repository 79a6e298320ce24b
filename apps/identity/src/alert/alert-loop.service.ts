import { type PostgresEventStore, pause } from '@gatehouse/event-store';
import type { Platform } from '@gatehouse/service';
import type { Deliver } from './delivery/deliver.service.js';
import { closeQuiet, sweepOld } from './incident/close-quiet.service.js';

const lookMs = 500;
const sweepMs = 60_000;

/** What happens to alerts by themselves, in one replica at a time: they end, they are told, what is old goes. */
export class AlertLoop {
  readonly #platform: Platform;
  readonly #store: PostgresEventStore;
  readonly #deliver: Deliver;
  #running: { stop: () => Promise<void> } | undefined;

  constructor(platform: Platform, store: PostgresEventStore, deliver: Deliver) {
    this.#platform = platform;
    this.#store = store;
    this.#deliver = deliver;
  }

  start(): void {
    const { system } = this.#platform.database;
    this.#running = this.#platform.exclusively('alerts', async ({ signal }) => {
      await Promise.all([
        this.#repeat(signal, 'alerts could not be ended', lookMs, () => closeQuiet(this.#store, system, Date.now())),
        this.#repeat(signal, 'alerts could not be told', lookMs, () => this.#deliver.round(Date.now())),
        this.#repeat(signal, 'old counts could not be removed', sweepMs, () => sweepOld(system, Date.now())),
      ]);
    });
  }

  stop(): Promise<void> {
    return this.#running?.stop() ?? Promise.resolve();
  }

  /** Goes on at once while there is work. */
  async #repeat(signal: AbortSignal, complaint: string, waitMs: number, work: () => Promise<number>) {
    const warn = this.#platform.warn(complaint);
    while (!signal.aborted) {
      const done = await work().catch((error: Error) => {
        warn(error);
        return 0;
      });
      if (done === 0) await pause(waitMs, signal);
    }
  }
}
