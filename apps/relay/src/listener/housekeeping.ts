import { pause } from '@gatehouse/event-store';
import type { Platform } from '@gatehouse/service';
import type { Sessions } from '../session/sessions.service.js';
import type { RelaySettings } from '../settings.js';
import type { RelayLeases } from '../tunnel/relay-leases.js';
import type { Remains } from '../tunnel/remains.js';
import type { Tunnels } from '../tunnel/tunnels.service.js';

export interface HousekeepingParts {
  readonly settings: RelaySettings;
  readonly remains: Remains;
  readonly leases: RelayLeases;
  readonly tunnels: Tunnels;
  readonly sessions: Sessions;
}

/** What a relay does beside serving: it says that it runs, and ends what others left who do not run any more. */
export function housekeeping(platform: Platform, parts: HousekeepingParts) {
  const { settings, remains, leases, sessions } = parts;
  const everyMs = (settings.RELAY_LEASE_SECONDS * 1_000) / 5;
  const resumeMs = settings.RELAY_RESUME_SECONDS * 1_000;
  const onError = platform.warn('what a stopped relay left could not be ended, and will be');
  const stopped = new AbortController();
  let others: ReturnType<Platform['exclusively']> | undefined;
  let own: Promise<void> = Promise.resolve();
  const repeat = async (signal: AbortSignal, work: () => Promise<void>) => {
    while (!signal.aborted) {
      await work().catch(onError);
      await pause(everyMs, signal);
    }
  };
  return {
    start: () => {
      leases.start();
      others = platform.exclusively('remains', ({ signal }) => repeat(signal, () => remains.ofDeadRelays()));
      // Clients of an earlier process of this name come back as those of any relay do: from now on they have the time for it.
      own = pause(resumeMs, stopped.signal).then(() =>
        repeat(stopped.signal, () =>
          remains.unknownSessionsOf(settings.RELAY_ID, (sessionId) => sessions.get(sessionId) !== undefined),
        ),
      );
    },
    stop: async () => {
      stopped.abort();
      await others?.stop();
      await own;
      await leases.end();
    },
  };
}
