import type { Query } from '@gatehouse/event-store';
import { waitFor } from '@gatehouse/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { RelayLeases } from './relay-leases.js';

const leaseMs = 300;

describe('a lease', () => {
  let leases: RelayLeases;
  let hold: Promise<void> | undefined;
  /** What it took for the truth whenever it asked. */
  const asked: boolean[] = [];
  afterEach(() => leases.end());

  /** Answers as PostgreSQL does that has this relay's row, and not before `hold`. */
  const query = {
    query: async () => {
      asked.push(leases.isUnbroken);
      await hold;
      return { rows: [], rowCount: 1 };
    },
  } as unknown as Query;

  it('that hung with PostgreSQL does not tell that the others are silent, neither while it hangs nor once it is answered', async () => {
    const errors: Error[] = [];
    const options = { query, relayId: 'one', leaseMs, onBegun: async () => undefined, onTakenOver: () => undefined };
    leases = new RelayLeases({ ...options, onError: (error) => errors.push(error) });
    expect(leases.isUnbroken).toBe(false);
    leases.start();
    await waitFor(() => leases.isUnbroken);
    let release: () => void = () => undefined;
    hold = new Promise((resolve) => {
      release = resolve;
    });
    const heldAtMs = performance.now();
    await waitFor(() => performance.now() - heldAtMs > 2 * leaseMs);
    expect(leases.isUnbroken).toBe(false);
    asked.length = 0;
    release();
    hold = undefined;
    // When it asks next, the answer that hung is its latest: that one is as old as what the others said.
    await waitFor(() => asked.length > 0);
    expect(asked[0]).toBe(false);
    await waitFor(() => leases.isUnbroken);
    expect(errors).toEqual([]);
  });
});
