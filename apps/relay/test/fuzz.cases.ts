import { randomUUID } from 'node:crypto';
import type { ApprovedDevice } from '@gatehouse/service-testing';
import { fuzzCases as casesOf, fuzzSeed, MemoryCourse, SeededRandom, waitFor } from '@gatehouse/testing';
import type { ByteStream } from '@gatehouse/transport';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { connectClient, connectDevice, connectWhenReady, deviceHello, dial, openStream } from './device.fixture.js';
import type { RelayStack, SharedRelays, Somebody, TestRelay } from './relay-stack.fixture.js';

/** As `MessageStream` sends it. */
function messageOf(value: unknown): Buffer {
  const text = Buffer.from(JSON.stringify(value));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text]);
}

/** Some of them with a member that no text or number can be compared with. */
function bent<T extends object>(random: SeededRandom, value: T): T {
  const member = random.pick([...Object.keys(value), 'other', 'more', 'last']);
  return member in value ? { ...value, [member]: { length: { toString: 1 } } } : value;
}

/** Settled when the relay gave the stream or its connection up, or said something. */
const answered = (stream: ByteStream): Promise<void> =>
  new Promise((resolve) => {
    const told = () => resolve();
    stream.onData = stream.onEnd = stream.onReset = told;
  });

/** What a relay is told by clients, devices and strangers, changed, cut off, lengthened and noise. */
export function fuzzCases(shared: () => SharedRelays): void {
  let stack: RelayStack;
  let relay: TestRelay;
  let ada: Somebody;
  const random = new SeededRandom(fuzzSeed);
  beforeAll(async () => {
    ({ stack, ada } = shared());
    relay = await stack.startRelay('fuzzed', { RELAY_OPENS_PER_ADDRESS: '100000', RELAY_TUNNELS_PER_SECOND: '100000' });
  });

  /** The first words on streams of a client that was let in; some of them are good. */
  async function asClient(device: ApprovedDevice): Promise<number> {
    const client = await connectClient(stack, relay.port);
    const open = { type: 'open', grant: stack.grant(ada, device.deviceId), source: '192.0.2.1' };
    const count = 50;
    const told = Array.from({ length: count }, () => {
      const stream = client.carrier.open();
      const over = answered(stream);
      stream.write(random.mutate(messageOf(bent(random, open))));
      // Or it waits for the rest of what was cut off: ten seconds, for each of them.
      stream.end();
      return over;
    });
    await Promise.all(told);
    await client.carrier.close({ code: random.below(2) === 0 ? 'done' : 'lost' });
    return count;
  }

  /** A hello, of a device, a client or another relay. */
  async function asStranger(device: ApprovedDevice): Promise<number> {
    const dialled = await dial(stack, relay.port);
    const hellos = [
      deviceHello(device, dialled),
      { type: 'hello', role: 'client', version: 1, agent: 'test' },
      { type: 'hello', role: 'relay', version: 1, agent: 'test', relayId: 'relay-1', signature: 'x'.repeat(86) },
    ];
    const control = dialled.control.release();
    const over = answered(control);
    control.write(random.mutate(messageOf(bent(random, random.pick(hellos)))));
    control.end();
    await Promise.race([over, dialled.closed]);
    await dialled.carrier.close({ code: 'done' });
    return 1;
  }

  /** What a device reports, until the relay has enough of it. */
  async function asDevice(device: ApprovedDevice, sid: string): Promise<number> {
    const there = await connectDevice(stack, device, relay.port);
    const control = there.control.release();
    const reports = [
      { type: 'session_report', sid, event: { kind: 'exit', code: 0, signal: null } },
      { type: 'session_report', sid, n: 1, event: { kind: 'refused', code: 'no_such_user' } },
      {
        type: 'session_report',
        sid,
        n: 2,
        event: { kind: 'recording_chunk', index: 0, bytes: 9, sha256: 'c'.repeat(64) },
      },
    ];
    const count = 1 + random.below(8);
    for (let i = 0; i < count; i++) control.write(random.mutate(messageOf(bent(random, random.pick(reports)))));
    control.end();
    await there.closed;
    return count;
  }

  describe(`words that are changed, cut off and noise (seed ${fuzzSeed})`, () => {
    it('end their own stream or connection; a session beside them goes on, and nothing is kept', async () => {
      const [device, victim] = [await stack.registry.approve('acme'), await stack.registry.approve('acme')];
      const { served } = await connectWhenReady(stack, victim, relay.port);
      const healthy = await openStream(await connectClient(stack, relay.port), stack.grant(ada, victim.deviceId));
      const cases = casesOf(0.1);
      const memory = new MemoryCourse(cases);
      let reached = 0;
      for (let count = 0, round = 0; count < cases; round++) {
        if (round % 8 === 0) count += await asDevice(device, randomUUID());
        else count += await (round % 2 === 0 ? asClient(victim) : asStranger(device));
        const bytes = random.bytes(1 + random.below(3_000));
        if (round % 20 === 0) expect((await healthy.echo(bytes)).equals(bytes)).toBe(true);
        // The device of the test keeps what it was opened, the relay must not.
        reached += served.splice(0).length;
        memory.reached(count);
      }
      expect(String(await healthy.echo(Buffer.from('fine')))).toBe('fine');
      expect((await fetch(`${await relay.service.app.getUrl()}/readyz`)).ok).toBe(true);
      // Somebody who says the right words is still let in.
      const client = await connectClient(stack, relay.port);
      await waitFor(async () => (await openStream(client, stack.grant(ada, victim.deviceId))).answer.type === 'opened');
      // Changed words alone would say nothing of those who are let in beside them.
      expect(reached).toBeGreaterThan(0);
      memory.expectFlat();
    });
  });
}
