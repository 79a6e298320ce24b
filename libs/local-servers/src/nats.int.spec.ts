import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { installedNatsServer } from './find-nats-server.js';
import { startNats } from './nats.js';

let folder: string;
const cleanups: (() => Promise<unknown>)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-natstest-'));
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  rmSync(folder, { recursive: true });
});

async function start(options: { storeDir?: string; port?: number; config?: string } = {}) {
  const binary = (await installedNatsServer())?.path ?? 'nats-server';
  const server = await startNats({ binary, storeDir: join(folder, 'jetstream'), ...options });
  cleanups.push(() => server.stop());
  return server;
}

describe('startNats', () => {
  it('keeps a stream over kill -9, on the same port', async () => {
    const server = await start({ config: 'jetstream { sync_interval: always }' });
    const before = await connect({ servers: server.url });
    const manager = await jetstreamManager(before);
    await manager.streams.add({ name: 'EVENTS', subjects: ['ev.>'] });
    await manager.jetstream().publish('ev.a', 'first');
    await before.close();
    const { port } = server;
    await server.kill9();
    await server.restart();
    expect(server.port).toBe(port);
    const after = await connect({ servers: server.url });
    expect((await (await jetstreamManager(after)).streams.info('EVENTS')).state.messages).toBe(1);
    await after.close();
  });

  it('keeps its configuration, with the users in it, to its owner', async () => {
    const server = await start({ config: 'max_payload: 2MB' });
    expect(statSync(`${server.storeDir}.conf`).mode & 0o777).toBe(0o600);
  });

  it('refuses a second server on the same data, and names the port that is taken', async () => {
    const server = await start();
    await expect(start()).rejects.toMatchObject({ code: 'data-in-use' });
    const clash = start({ storeDir: join(folder, 'other'), port: server.port });
    await expect(clash).rejects.toMatchObject({ code: 'port-in-use', message: expect.stringContaining('nats-server') });
  });

  it('shows the log when the configuration is wrong', async () => {
    const attempt = start({ config: 'jetstream { nonsense: 1 }' });
    await expect(attempt).rejects.toMatchObject({ code: 'start-failed', message: expect.stringContaining('nonsense') });
  });
});
