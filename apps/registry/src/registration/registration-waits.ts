import { Doorbell, notifyChannel, type Wake } from '@gatehouse/event-store';
import { unavailable } from '@gatehouse/http';

/** Waits at once in one process. Each holds one connection of its caller, and none of the database while it waits. */
const maxWaiting = 4_096;
/** A lost wake-up costs this much. */
const lookEveryMs = 2_000;

/** Waits until something of the registry's log concerns the caller. */
export class RegistrationWaits {
  #waiting = 0;

  constructor(private readonly wake: Wake) {}

  /**
   * What `look` answers, as soon as `isDone`, at the latest after `waitMs`.
   *
   * @throws ProblemError `unavailable` when too many wait already
   */
  async until<T>(
    look: () => Promise<T>,
    isDone: (found: T) => boolean,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<T> {
    const bell = new Doorbell();
    const silence = this.wake.listen((channel) => channel === notifyChannel('registry') && bell.ring());
    if (waitMs > 0 && ++this.#waiting > maxWaiting) {
      this.#waiting--;
      silence();
      throw unavailable('Too many are waiting', 10);
    }
    const deadline = Date.now() + waitMs;
    try {
      for (;;) {
        const found = await look();
        const leftMs = deadline - Date.now();
        if (isDone(found) || leftMs <= 0 || signal.aborted) return found;
        await bell.wait(Math.min(leftMs, lookEveryMs), signal);
      }
    } finally {
      silence();
      if (waitMs > 0) this.#waiting--;
    }
  }
}
