import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatPosition, startPosition } from '@gatehouse/contracts';
import { startTestNats, type TestNats, tempDir } from '@gatehouse/testing';
import type { NatsConnection } from '@nats-io/transport-node';
import { type BusOptions, connectBus, createNatsUser } from './connect.js';
import type { EventBatch } from './event-batch.js';
import { renderNatsAuthorization } from './permissions.js';
import { type ServiceName, services } from './topology.js';

/** A NATS server and connections to it, closed together. */
export interface TestBus {
  readonly nats: TestNats;
  connect(user: ServiceName | 'setup', options?: Partial<BusOptions>): Promise<NatsConnection>;
  close(): Promise<void>;
}

function busOn(nats: TestNats, seedFileOf: (user: string) => string | undefined, cleanup: () => void): TestBus {
  const connections: NatsConnection[] = [];
  return {
    nats,
    async connect(user, options) {
      const seedFile = seedFileOf(user);
      const nc = await connectBus({ servers: nats.url, user, ...(seedFile && { seedFile }), ...options });
      connections.push(nc);
      return nc;
    },
    async close() {
      await Promise.all(connections.map((nc) => nc.close()));
      await nats.stop();
      cleanup();
    },
  };
}

/** Everybody may do everything. */
export const openBus = async (config?: string): Promise<TestBus> =>
  busOn(
    await startTestNats(config === undefined ? {} : { config }),
    () => undefined,
    () => undefined,
  );

/** With the users and permissions that are deployed. */
export async function securedBus(): Promise<TestBus> {
  const dir = tempDir('gatehouse-seeds-');
  const seeds = join(dir.path, 'seeds');
  mkdirSync(seeds, { mode: 0o700 });
  const users = [...services, 'setup'] as const;
  const publicKeys = Object.fromEntries(
    users.map((user) => {
      const { seed, publicKey } = createNatsUser();
      writeFileSync(join(seeds, user), `${seed}\n`, { mode: 0o600 });
      return [user, publicKey];
    }),
  ) as Record<(typeof users)[number], string>;
  const nats = await startTestNats({ config: renderNatsAuthorization(publicKeys) });
  return busOn(nats, (user) => join(seeds, user), dir.remove);
}

let sequence = 0n;

/** A batch with `count` events that begins where `prev` says. */
export function batchOf(source: string, count = 1, prev = startPosition): EventBatch {
  const events = Array.from({ length: count }, () => {
    const position = { tx: 7n, seq: ++sequence };
    return { position, tenantId: 'acme', streamId: 'cart:a', text: `{"at":"${formatPosition(position)}"}` };
  });
  return { source, prev, events };
}
