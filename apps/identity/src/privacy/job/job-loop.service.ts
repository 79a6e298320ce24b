import { Doorbell, notifyChannel, pause } from '@gatehouse/event-store';
import type { Platform } from '@gatehouse/service';

export interface JobLoop {
  stop(): Promise<void>;
}

const lookMs = 2_000;
const afterFailureMs = 1_000;

/**
 * Does jobs one after the other in one replica at a time; another takes over within a quarter of a second of its end. Looks
 * after every commit of the service, since each job begins with an event, and every two seconds, for those whose time comes.
 *
 * @param doNext does one job that is due, and answers whether there was one. It must leave off when the signal fires, and
 *   be safe to do again: a replica may die anywhere in it
 */
export function runJobs(platform: Platform, name: string, doNext: (signal: AbortSignal) => Promise<boolean>): JobLoop {
  const bell = new Doorbell();
  const channel = notifyChannel(platform.service);
  const unlisten = platform.wake.listen((on) => on === channel && bell.ring());
  const turn = platform.exclusively(name, async ({ signal }) => {
    while (!signal.aborted) {
      try {
        if (!(await doNext(signal))) await bell.wait(lookMs, signal);
      } catch (error) {
        platform.warn(`${name} will be tried again`)(error as Error);
        await pause(afterFailureMs, signal);
      }
    }
  });
  return {
    stop: async () => {
      unlisten();
      await turn.stop();
    },
  };
}
