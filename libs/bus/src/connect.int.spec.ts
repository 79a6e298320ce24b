import { createServer, type Socket } from 'node:net';
import { freePort, startTestNats, waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';
import { openBus, type TestBus } from './bus.fixture.js';
import { connectBus, isDown, isVersionAtLeast, NatsTooOld } from './connect.js';
import { ensureTopology } from './ensure-topology.js';
import { durableConsumers, eventStream } from './topology.js';

describe('isVersionAtLeast', () => {
  it.each<[string, string, boolean]>([
    ['2.10.0', '2.10.0', true],
    ['2.10.1', '2.10.0', true],
    ['2.9.25', '2.10.0', false],
    ['2.11.0', '2.10.9', true],
    ['3.0.0', '2.10.0', true],
    ['1.99.99', '2.10.0', false],
    ['2.10', '2.10.0', true],
    ['2.15.1', '2.10.0', true],
    ['2.10.0-beta.1', '2.10.0', true],
    ['2.100.0', '2.10.0', true],
    ['', '2.10.0', false],
    ['unknown', '2.10.0', false],
    ['v2.10.0', '2.10.0', false],
  ])('%s against %s', (found, least, expected) => {
    expect(isVersionAtLeast(found, least)).toBe(expected);
  });
});

/** Just enough of a NATS server to be asked for its version. */
async function oldServer(version: string): Promise<{ url: string; sockets: Set<Socket>; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    const info = { server_id: 'old', version, max_payload: 1_048_576, headers: true, proto: 1 };
    socket.write(`INFO ${JSON.stringify(info)}\r\n`);
    socket.on('data', (data) => data.includes('PING') && socket.write('PONG\r\n'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return { url: `nats://127.0.0.1:${port}`, sockets, close: () => server.close() };
}

describe('connectBus', () => {
  it('refuses a server that is too old, names both versions, and leaves no connection', async () => {
    const server = await oldServer('2.9.25');
    const refused = connectBus({ servers: server.url, user: 'policy' });
    await expect(refused).rejects.toBeInstanceOf(NatsTooOld);
    await expect(refused).rejects.toThrow(/2\.9\.25 is too old: .*2\.10\.0/);
    await waitFor(() => server.sockets.size === 0, { message: 'the connection to be closed' });
    server.close();
  });

  it('fails when there is no server: whoever calls it tries again', async () => {
    await expect(connectBus({ servers: `127.0.0.1:${await freePort()}`, user: 'policy' })).rejects.toThrow();
  });

  it('reports loss and return, and knows while it is cut off', async () => {
    const nats = await startTestNats();
    const statuses: string[] = [];
    const nc = await connectBus({ servers: nats.url, user: 'policy', onStatus: (status) => statuses.push(status) });
    expect(isDown(nc)).toBe(false);
    await nats.kill9();
    await waitFor(() => isDown(nc), { message: 'the loss' });
    await nats.restart();
    await waitFor(() => !isDown(nc), { message: 'the return' });
    expect(statuses).toEqual(['connected', 'disconnected', 'connected']);
    await nc.close();
    await nats.stop();
  });
});

describe('ensureTopology', () => {
  let bus: TestBus;
  beforeAll(async () => {
    bus = await openBus('jetstream { max_file_store: 3GB }');
  });
  afterAll(() => bus.close());

  const describeTopology = async () => {
    const manager = await jetstreamManager(await bus.connect('setup'));
    const { config } = await manager.streams.info(eventStream.name);
    const consumers = (await manager.consumers.list(eventStream.name).next()).map((consumer) => consumer.config);
    return { config, consumers: consumers.sort((a, b) => (a.name ?? '').localeCompare(b.name ?? '')) };
  };

  it('makes the stream and all consumers, in the room there is', async () => {
    await ensureTopology(await bus.connect('setup'));
    const { config, consumers } = await describeTopology();
    expect(config).toMatchObject({ subjects: ['ev.>'], storage: 'file', num_replicas: 1, max_bytes: 2 * 1024 ** 3 });
    expect(consumers.map((consumer) => consumer.durable_name)).toEqual(durableConsumers.map((c) => c.durable).sort());
    for (const consumer of consumers)
      expect(consumer).toMatchObject({ ack_policy: 'explicit', max_deliver: -1, max_ack_pending: 64 });
  });

  it('changes nothing when it is repeated, also by several at once, and loses no message', async () => {
    const nc = await bus.connect('setup');
    const manager = await jetstreamManager(nc);
    await manager.jetstream().publish('ev.identity.a.b.c', 'kept');
    const before = await describeTopology();
    await Promise.all([ensureTopology(nc), ensureTopology(await bus.connect('setup'))]);
    expect(await describeTopology()).toEqual(before);
    expect((await manager.streams.info(eventStream.name)).state.messages).toBe(1);
  });

  it('brings back what was changed by hand', async () => {
    const nc = await bus.connect('setup');
    const manager = await jetstreamManager(nc);
    const before = await describeTopology();
    await manager.consumers.update(eventStream.name, 'policy_facts', { max_ack_pending: 1, filter_subjects: ['ev.x'] });
    await manager.consumers.delete(eventStream.name, 'audit_keys');
    await ensureTopology(nc);
    expect((await describeTopology()).consumers.map(({ name, ...rest }) => rest)).toEqual(
      before.consumers.map(({ name, ...rest }) => rest),
    );
  });
});
