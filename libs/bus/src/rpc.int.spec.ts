import { currentTrace, newTraceContext, runWithTrace } from '@gatehouse/telemetry';
import { startTestNats, waitFor } from '@gatehouse/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import { z } from 'zod';
import { openBus, type TestBus } from './bus.fixture.js';
import { connectBus, isDown } from './connect.js';
import { call, type RpcContract, RpcError, type ServeOptions, serve } from './rpc.js';

let bus: TestBus;
let client: NatsConnection;
let server: NatsConnection;
const served: Subscription[] = [];
beforeAll(async () => {
  bus = await openBus();
  client = await bus.connect('audit');
  server = await bus.connect('policy');
});
afterAll(() => bus.close());
afterEach(async () => {
  await Promise.all(served.splice(0).map((subscription) => subscription.drain()));
});

const double: RpcContract<{ n: number }, { n: number }> = {
  service: 'policy',
  method: 'double',
  request: z.strictObject({ n: z.number() }),
  response: z.strictObject({ n: z.number() }),
};

async function serving(
  handler: (input: { n: number }) => Promise<{ n: number }>,
  options: ServeOptions = {},
  nc = server,
): Promise<void> {
  served.push(serve(nc, double, handler, options));
  await nc.flush();
}
/** Serves without our code, to answer what our code never would. */
async function answering(answer: string | Uint8Array): Promise<void> {
  served.push(server.subscribe('rpc.policy.double', { callback: (_, message) => void message.respond(answer) }));
  await server.flush();
}
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'answered',
    (error) => (error instanceof RpcError ? error.code : `not an RpcError: ${error}`),
  );

describe('a call', () => {
  it('is answered with the value the handler gave', async () => {
    await serving(async ({ n }) => ({ n: n * 2 }));
    expect(await call(client, double, { n: 21 })).toEqual({ n: 42 });
  });

  it('is unavailable at once when nobody serves it', async () => {
    const startedAt = performance.now();
    expect(await codeOf(call(client, double, { n: 1 }, 60_000))).toBe('unavailable');
    expect(performance.now() - startedAt).toBeLessThan(30_000);
    const timeout = { ...double, method: 'timeout' };
    expect(await codeOf(call(client, timeout, { n: 1 }, 60_000))).toBe('unavailable');
  });

  it('ends at its deadline when no answer comes', async () => {
    await serving(() => new Promise(() => undefined));
    const startedAt = performance.now();
    expect(await codeOf(call(client, double, { n: 1 }, 80))).toBe('deadline');
    expect(performance.now() - startedAt).toBeLessThan(30_000);
  });

  it('that arrives after its deadline is not worked on', async () => {
    let worked = 0;
    await serving(async ({ n }) => {
      worked++;
      return { n };
    });
    const late = { ...double, method: 'double' };
    const realNow = Date.now;
    try {
      // The clock of the caller when it set the deadline: a second ago.
      Date.now = () => realNow() - 1_000;
      const asked = call(client, late, { n: 1 }, 500);
      Date.now = realNow;
      expect(await codeOf(asked)).toBe('deadline');
    } finally {
      Date.now = realNow;
    }
    expect(worked).toBe(0);
  });

  it('is malformed when the request is not what was agreed, and the handler never sees it', async () => {
    let worked = 0;
    await serving(async ({ n }) => {
      worked++;
      return { n };
    });
    expect(await codeOf(call(client, double, { n: 'one' } as never))).toBe('malformed');
    expect(await codeOf(call(client, double, { n: 1, more: true } as never))).toBe('malformed');
    for (const body of ['', 'not json', 'null', '[]']) {
      const reply = await client.request('rpc.policy.double', body);
      expect(reply.json()).toMatchObject({ ok: false, code: 'malformed' });
    }
    expect(worked).toBe(0);
  });

  it.each([
    '',
    'not json',
    'null',
    '7',
    '[]',
    '{}',
    '{"ok":"yes"}',
    '{"ok":true}',
    '{"ok":true,"value":{"n":"x"}}',
    '{"ok":false}',
    '{"ok":false,"code":1}',
  ])('is malformed when the answer is %j', async (answer) => {
    await answering(answer);
    expect(await codeOf(call(client, double, { n: 1 }))).toBe('malformed');
  });

  it('gives the code a handler refused with, and not the words of a failure', async () => {
    const errors: Error[] = [];
    await serving(
      async ({ n }) => {
        if (n === 1) throw new RpcError('unknown_key', 'no such key');
        throw new Error('password=hunter2');
      },
      { onError: (error) => errors.push(error) },
    );
    await expect(call(client, double, { n: 1 })).rejects.toMatchObject({ code: 'unknown_key', message: 'no such key' });
    await expect(call(client, double, { n: 2 })).rejects.toMatchObject({
      code: 'internal',
      message: 'the service failed',
    });
    expect(errors.map((error) => error.message)).toEqual(['password=hunter2']);
  });

  it.each<[string, unknown]>([
    ['no JSON', { n: 1n }],
    ['longer than a message may be', { n: 1, text: 'x'.repeat(2_000_000) }],
  ])('survives a handler whose answer is %s', async (_, value) => {
    const errors: Error[] = [];
    await serving(async () => value as { n: number }, { onError: (error) => errors.push(error) });
    expect(await codeOf(call(client, double, { n: 1 }))).toBe('internal');
    expect(errors).toHaveLength(1);
  });

  it('is overloaded beyond the bound, and served again below it', async () => {
    const gates: (() => void)[] = [];
    await serving(
      async ({ n }) => {
        await new Promise<void>((resolve) => gates.push(resolve));
        return { n };
      },
      { maxInFlight: 3 },
    );
    const taken = [1, 2, 3].map((n) => call(client, double, { n }));
    await waitFor(() => gates.length === 3, { message: 'three calls' });
    expect(await codeOf(call(client, double, { n: 4 }))).toBe('overloaded');
    for (const open of gates.splice(0)) open();
    expect(await Promise.all(taken)).toHaveLength(3);
    const again = call(client, double, { n: 5 });
    await waitFor(() => gates.length === 1, { message: 'the next call' });
    gates[0]?.();
    expect(await again).toEqual({ n: 5 });
  });

  it('is shared among replicas: each call reaches exactly one', async () => {
    const counts = [0, 0];
    for (const [i, nc] of [server, await bus.connect('policy')].entries())
      await serving(
        async ({ n }) => {
          counts[i] = (counts[i] ?? 0) + 1;
          return { n };
        },
        {},
        nc,
      );
    await Promise.all(Array.from({ length: 100 }, (_, n) => call(client, double, { n })));
    expect(counts.reduce((sum, count) => sum + count)).toBe(100);
    for (const count of counts) expect(count).toBeGreaterThan(10);
  });

  it('goes on in the trace of the caller', async () => {
    const traces: (string | undefined)[] = [];
    await serving(async ({ n }) => {
      traces.push(currentTrace()?.traceId);
      return { n };
    });
    const trace = newTraceContext();
    await runWithTrace(trace, () => call(client, double, { n: 1 }));
    await call(client, double, { n: 1 });
    expect(traces).toEqual([trace.traceId, undefined]);
  });

  it('is unavailable at once while NATS is down, and served again afterwards', async () => {
    const nats = await startTestNats();
    const [asks, answers] = await Promise.all(
      ['audit', 'policy'].map((user) => connectBus({ servers: nats.url, user })),
    );
    if (!asks || !answers) throw new Error('not connected');
    serve(answers, double, async ({ n }) => ({ n }));
    await answers.flush();
    expect(await call(asks, double, { n: 1 })).toEqual({ n: 1 });
    await nats.kill9();
    await waitFor(() => isDown(asks), { message: 'the loss' });
    const startedAt = performance.now();
    expect(await codeOf(call(asks, double, { n: 1 }, 60_000))).toBe('unavailable');
    expect(performance.now() - startedAt).toBeLessThan(30_000);
    await nats.restart();
    await waitFor(() => call(asks, double, { n: 2 }), { message: 'an answer' });
    await asks.close();
    expect(await codeOf(call(asks, double, { n: 1 }))).toBe('unavailable');
    await answers.close();
    await nats.stop();
  });
});
