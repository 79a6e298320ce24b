import { Backoff } from './backoff.js';

export interface Kept {
  /** From now on an end is wanted. Resolves when no start is under way any more. */
  release(): Promise<void>;
}

export interface KeepOptions {
  name: string;
  /** Resolves, with a short reason, when the present process ends. */
  exited: () => Promise<string>;
  restart: () => Promise<void>;
  note: (line: string) => void;
}

/** Starts something again when it ends unasked, with growing pauses, and says so each time. */
export function keepRunning({ name, exited, restart, note }: KeepOptions): Kept {
  const backoff = new Backoff();
  const released = new AbortController();
  let restarting: Promise<void> = Promise.resolve();
  const watch = async () => {
    for (let startedAt = performance.now(); ; startedAt = performance.now()) {
      const reason = await exited();
      if (released.signal.aborted) return;
      const pauseMs = backoff.after(performance.now() - startedAt);
      note(`${name} ended (${reason}); starting it again in ${pauseMs / 1000} s`);
      await wait(pauseMs, released.signal);
      if (released.signal.aborted) return;
      restarting = restart().catch((error: Error) => note(`${name} did not start: ${error.message}`));
      await restarting;
    }
  };
  void watch();
  return {
    release: () => {
      released.abort();
      return restarting;
    },
  };
}

function wait(ms: number, cancelled: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(finish, ms);
    function finish() {
      clearTimeout(timer);
      cancelled.removeEventListener('abort', finish);
      done();
    }
    cancelled.addEventListener('abort', finish);
  });
}
