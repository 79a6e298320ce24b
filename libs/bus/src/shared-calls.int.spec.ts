import { currentTrace, newTraceContext } from '@gatehouse/telemetry';
import { waitFor } from '@gatehouse/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { headers, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import { z } from 'zod';
import { openBus, type TestBus } from './bus.fixture.js';
import { type RpcContract, RpcError, type ServeOptions, serve } from './rpc.js';
import { SharedCalls, type SharedCallsOptions } from './shared-calls.js';

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

type Numbered = { n: number; text?: string | undefined };
const double: RpcContract<Numbered, { n: number }> = {
  service: 'policy',
  method: 'double',
  request: z.strictObject({ n: z.number(), text: z.string().optional() }),
  response: z.strictObject({ n: z.number() }),
};
const subject = 'rpc.policy.double';

const shared = (options: Partial<SharedCallsOptions<Numbered>> = {}) =>
  new SharedCalls(double, { connection: () => client, ...options });
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'answered',
    (error) => (error instanceof RpcError ? error.code : `not an RpcError: ${error}`),
  );

async function serving(handler: (input: Numbered) => Promise<{ n: number }>, options: ServeOptions = {}) {
  served.push(serve(server, double, handler, options));
  await server.flush();
}
const doubling = ({ n }: Numbered) => Promise.resolve({ n: n * 2 });

/** Serves without our code: sees messages as they are, and answers what our code never would. */
async function observing(answer: (message: Msg) => string | undefined): Promise<Msg[]> {
  const seen: Msg[] = [];
  served.push(
    server.subscribe(subject, {
      callback: (_, message) => {
        seen.push(message);
        const text = answer(message);
        if (text !== undefined) message.respond(text);
      },
    }),
  );
  await server.flush();
  return seen;
}
const linesOf = (message: Msg): number => message.string().split('\n').length;
const doubledLines = (message: Msg): string =>
  JSON.stringify(
    message
      .string()
      .split('\n')
      .map((line) => ({ ok: true, value: { n: JSON.parse(line.slice(line.indexOf('\t') + 1)).n * 2 } })),
  );

describe('shared calls', () => {
  it('answer each caller with its own answer, whatever came together', async () => {
    await serving(doubling);
    const calls = shared();
    const answers = await Promise.all(Array.from({ length: 300 }, (_, n) => calls.ask({ n })));
    expect(answers.map(({ n }) => n)).toEqual(Array.from({ length: 300 }, (_, n) => n * 2));
  });

  it('make one message of those who come in one turn, and of those who come while it is answered', async () => {
    const seen = await observing(() => undefined);
    const calls = shared({ gatherMs: 60_000 });
    const first = Promise.all([1, 2, 3].map((n) => calls.ask({ n })));
    await waitFor(() => seen.length === 1, { message: 'the first message' });
    const others = Promise.all([4, 5].map((n) => calls.ask({ n })));
    seen[0]?.respond(doubledLines(seen[0]));
    expect(await first).toEqual([{ n: 2 }, { n: 4 }, { n: 6 }]);
    await waitFor(() => seen.length === 2, { message: 'the second message' });
    seen[1]?.respond(doubledLines(seen[1]));
    expect(await others).toEqual([{ n: 8 }, { n: 10 }]);
    expect(seen.map(linesOf)).toEqual([3, 2]);
  });

  it('send one that is alone as a plain call', async () => {
    const seen = await observing(() => '{"ok":true,"value":{"n":14}}');
    expect(await shared().ask({ n: 7 })).toEqual({ n: 14 });
    expect(seen[0]?.string()).toBe('{"n":7}');
    expect(seen[0]?.headers?.get('Gatehouse-Calls')).toBe('');
  });

  it('do not wait for ever behind an answer that never comes', async () => {
    const seen = await observing((message) => (linesOf(message) > 1 ? doubledLines(message) : undefined));
    const calls = shared({ gatherMs: 20, timeoutMs: 1_000 });
    const ends: string[] = [];
    const lost = codeOf(calls.ask({ n: 1 })).then((code) => ends.push(code));
    await waitFor(() => seen.length === 1, { message: 'the message that is lost' });
    expect(await Promise.all([2, 3].map((n) => calls.ask({ n })))).toEqual([{ n: 4 }, { n: 6 }]);
    ends.push('others');
    await lost;
    expect(ends).toEqual(['others', 'deadline']);
  });

  it('that have waited too long are not sent', async () => {
    const seen = await observing(doubledLines);
    expect(await codeOf(shared({ timeoutMs: 0 }).ask({ n: 1 }))).toBe('deadline');
    expect(seen).toEqual([]);
  });

  it('of one group never wait for those of another', async () => {
    const seen = await observing(() => undefined);
    const calls = shared({ gatherMs: 60_000, groupOf: ({ text }) => text ?? '' });
    const slow = [1, 2].map((n) => calls.ask({ n, text: 'slow' }));
    const quick = [3, 4].map((n) => calls.ask({ n, text: 'quick' }));
    await waitFor(() => seen.length === 2, { message: 'a message of each group' });
    const behind = calls.ask({ n: 5, text: 'slow' });
    seen[1]?.respond(doubledLines(seen[1]));
    expect(await Promise.all(quick)).toEqual([{ n: 6 }, { n: 8 }]);
    // The group that was answered goes on, while the other still waits.
    const again = calls.ask({ n: 6, text: 'quick' });
    await waitFor(() => seen.length === 3, { message: 'the next message of the quick group' });
    seen[2]?.respond('{"ok":true,"value":{"n":12}}');
    expect(await again).toEqual({ n: 12 });
    seen[0]?.respond(doubledLines(seen[0]));
    expect(await Promise.all(slow)).toEqual([{ n: 2 }, { n: 4 }]);
    await waitFor(() => seen.length === 4, { message: 'what had gathered behind the slow ones' });
    seen[3]?.respond('{"ok":true,"value":{"n":10}}');
    expect(await behind).toEqual({ n: 10 });
  });

  it('fill a message before they wait: by count and by length', async () => {
    const seen = await observing((message) => (linesOf(message) > 1 ? doubledLines(message) : undefined));
    const calls = shared({ gatherMs: 60_000, maxCalls: 4, maxChars: 1_000 });
    const late = calls.ask({ n: 0 });
    await waitFor(() => seen.length === 1, { message: 'the message that is not answered yet' });
    await Promise.all([1, 2, 3, 4].map((n) => calls.ask({ n })));
    const text = 'x'.repeat(400);
    const [first, second, third] = [1, 2, 3].map((n) => calls.ask({ n, text }));
    await Promise.all([first, second]);
    expect(seen.map(linesOf)).toEqual([1, 4, 2]);
    // What is left fills none, and goes when the others have their answers.
    seen[0]?.respond('{"ok":true,"value":{"n":0}}');
    await waitFor(() => seen.length === 4, { message: 'the rest' });
    seen[3]?.respond('{"ok":true,"value":{"n":6}}');
    expect(await Promise.all([late, third])).toEqual([{ n: 0 }, { n: 6 }]);
  });

  it('share no refusal and no failure: each is told what became of its own', async () => {
    const errors: Error[] = [];
    await serving(
      async ({ n }) => {
        if (n === 1) throw new RpcError('unknown_key', 'no such key');
        if (n === 2) throw new Error('password=hunter2');
        return { n: n * 2 };
      },
      { onError: (error) => errors.push(error) },
    );
    const calls = shared();
    const asked = [0, 1, 2, 3].map((n) => codeOf(calls.ask({ n })));
    const bad = codeOf(calls.ask({ n: 'four' } as never));
    expect(await Promise.all([...asked, bad])).toEqual([
      'answered',
      'unknown_key',
      'internal',
      'answered',
      'malformed',
    ]);
    expect(errors).toHaveLength(1);
  });

  it('go on, each in the trace of its caller', async () => {
    const traces = new Map<number, string | undefined>();
    await serving(async ({ n }) => {
      traces.set(n, currentTrace()?.traceId);
      return { n };
    });
    const calls = shared();
    const known = [newTraceContext(), newTraceContext()];
    await Promise.all([calls.ask({ n: 0 }, known[0]), calls.ask({ n: 1 }, known[1]), calls.ask({ n: 2 })]);
    expect([0, 1, 2].map((n) => traces.get(n))).toEqual([known[0]?.traceId, known[1]?.traceId, undefined]);
  });

  it('count one by one for whoever serves them: a message beyond its bound is refused for all its callers', async () => {
    const gates: (() => void)[] = [];
    const held = async ({ n }: Numbered) => {
      await new Promise<void>((resolve) => gates.push(resolve));
      return { n };
    };
    await serving(held, { maxInFlight: 5 });
    const three = Promise.all([1, 2, 3].map((n) => shared().ask({ n })));
    await waitFor(() => gates.length === 3, { message: 'three calls' });
    const calls = shared();
    const refused = [4, 5, 6].map((n) => codeOf(calls.ask({ n })));
    expect(await Promise.all(refused)).toEqual(['overloaded', 'overloaded', 'overloaded']);
    for (const open of gates) open();
    await three;
  });

  it.each([
    'not json',
    '[]',
    '[{"ok":true,"value":{"n":2}}]',
    '[{"ok":true,"value":{"n":2}},{"ok":true,"value":{"n":2}},{"ok":true,"value":{"n":2}}]',
    '{"ok":true,"value":{"n":2}}',
    '[null,null]',
  ])('are malformed, all of them, when the answer to two is %s', async (answer) => {
    await observing(() => answer);
    const calls = shared();
    expect(await Promise.all([1, 2].map((n) => codeOf(calls.ask({ n }))))).toEqual(['malformed', 'malformed']);
  });

  it('of one group that fill what may wait are refused themselves, and those of another are not', async () => {
    await serving(doubling);
    const calls = shared({ maxWaiting: 4, groupOf: ({ text }) => text ?? '' });
    const many = Array.from({ length: 9 }, (_, n) => codeOf(calls.ask({ n, text: 'many' })));
    const few = [1, 2].map((n) => codeOf(calls.ask({ n, text: 'few' })));
    expect(await Promise.all(few)).toEqual(['answered', 'answered']);
    expect((await Promise.all(many)).filter((code) => code === 'overloaded')).toHaveLength(5);
  });

  it('of one group that keep the service busy are refused there, and those of another are served', async () => {
    const gates: (() => void)[] = [];
    const busy = async ({ n, text }: Numbered) => {
      if (text === 'many') await new Promise<void>((resolve) => gates.push(resolve));
      return { n: n * 2 };
    };
    await serving(busy, { maxInFlight: 4, groupOf: (input) => String((input as Numbered).text) });
    const calls = shared({ groupOf: ({ text }) => text ?? '' });
    const many = [1, 2, 3, 4].map((n) => codeOf(calls.ask({ n, text: 'many' })));
    await waitFor(() => gates.length === 4, { message: 'a service that is full' });
    const more = [5, 6].map((n) => codeOf(shared().ask({ n, text: 'many' })));
    expect(await Promise.all(more)).toEqual(['overloaded', 'overloaded']);
    expect(await Promise.all([1, 2].map((n) => codeOf(calls.ask({ n, text: 'few' }))))).toEqual([
      'answered',
      'answered',
    ]);
    for (const open of gates) open();
    expect(await Promise.all(many)).toEqual(Array(4).fill('answered'));
  });

  it('refuse more than may wait, and all when nobody serves', async () => {
    const calls = shared({ maxWaiting: 2 });
    const asked = [1, 2, 3].map((n) => codeOf(calls.ask({ n })));
    expect(await Promise.all(asked)).toEqual(['unavailable', 'unavailable', 'overloaded']);
  });
});

describe('a message of several calls', () => {
  it.each([
    ['0', '\t{"n":1}'],
    ['257', '\t{"n":1}'],
    ['two', '\t{"n":1}\n\t{"n":2}'],
    ['2', '\t{"n":1}'],
    ['2', '\t{"n":1}\n\t{"n":2}\n\t{"n":3}'],
    ['99999', '\t{"n":1}'],
  ])('that says it carries %s of them and does not is refused, and the handler never sees it', async (said, body) => {
    let worked = 0;
    await serving(async ({ n }) => {
      worked++;
      return { n };
    });
    const carried = headers();
    carried.set('Gatehouse-Calls', said);
    const reply = await client.request(subject, body, { timeout: 2_000, headers: carried });
    expect(reply.json()).toMatchObject({ ok: false, code: 'malformed' });
    expect(worked).toBe(0);
  });
});
