import { pause } from '@gatehouse/event-store';
import type { Platform } from '@gatehouse/service';
import type { Account } from './account.service.js';

const everyMs = 15_000;

/** What time does to accounts: sessions end, links and registrations expire, counted failures are told. One replica. */
export function startAccountChores(platform: Platform, account: Account): { stop: () => Promise<void> } {
  return platform.exclusively('account-chores', async ({ signal }) => {
    while (!signal.aborted) {
      await runChores(account, Date.now()).catch(platform.warn('a chore of accounts failed and will be tried again'));
      await pause(everyMs, signal);
    }
  });
}

export async function runChores(account: Account, now: number): Promise<void> {
  const { sessions, challenges, links, registrations, throttle, failures } = account;
  while ((await sessions.endExpired(now)) > 0);
  await failures.tell(now);
  await challenges.deleteExpired(now);
  await links.deleteExpired(now);
  await registrations.deleteExpired(now);
  await throttle.deleteForgotten(now);
}
