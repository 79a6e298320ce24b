import { assertLogNotAhead } from '@gatehouse/event-store';
import type { ReadinessCheck } from '@gatehouse/http';
import type { Platform } from './platform.js';

const check = (name: string, problem: () => string | undefined | Promise<string | undefined>): ReadinessCheck => ({
  name,
  check: async () => {
    const found = await problem();
    return found === undefined ? 'ok' : { problem: found };
  },
});

/** What must be well before a replica may get traffic. A service that works without NATS does not wait for it. */
export function platformChecks(platform: Platform, worksWithoutBus: boolean): readonly ReadinessCheck[] {
  return [
    // A log ahead of its server (a dump restored into another cluster) would be read past for ever: no traffic then.
    check('postgres', async () => void (await assertLogNotAhead(platform.database.system))),
    check('keys', () => (platform.callers.loaded ? undefined : 'callers are being loaded')),
    check('projections', () => firstProblem(platform)),
    ...(worksWithoutBus ? [] : [check('nats', () => platform.bus.problem), check('events', () => gaps(platform))]),
  ];
}

const failureCountsMs = 5_000;

function firstProblem(platform: Platform): string | undefined {
  // One that fails tries again four times a second; an older failure is that of a replica that only waits its turn now.
  const recent = Date.now() - failureCountsMs;
  const stopped = platform.runners.find((runner) => runner.state.failedAt > recent);
  return stopped && `projection ${stopped.name} is stopped`;
}

function gaps(platform: Platform): string | undefined {
  const waiting = platform.inboxes.find((inbox) => inbox.gaps.length > 0);
  return waiting && `consumer ${waiting.name} misses events of ${waiting.gaps.join(', ')}`;
}
