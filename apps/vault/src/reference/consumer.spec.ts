import type { Envelope } from '@gatehouse/contracts';
import { fold, type NewEvent } from '@gatehouse/event-store';
import { describe, expect, it } from '@jest/globals';
import { type Consumer, consumerDecider, consumerStream } from './consumer.js';
import { forgetConsumer } from './forget-consumer/forget-consumer.js';
import { registerConsumer } from './register-consumer/register-consumer.js';
import { reportMounted } from './report-mounted/report-mounted.js';

const name = { kind: 'application' as const, id: 'app', scope: 'production' };
const to = (...secrets: string[]) => ({
  ...name,
  references: secrets.map((secret) => ({ secret, path: `p/${secret}` })),
});
const mounted = (...secrets: [string, number][]) => ({
  ...name,
  secrets: secrets.map(([secret, version]) => ({ secret, version })),
});
const after = (...decisions: ((consumer: Consumer) => readonly NewEvent[])[]): Consumer =>
  decisions.reduce<Consumer>(
    (state, decide) => fold(consumerDecider, decide(state) as unknown as Envelope[], state),
    consumerDecider.initialState,
  );

describe('a consumer', () => {
  it('references what it said last, and keeps what of that is mounted', () => {
    expect(
      after(registerConsumer(to('a', 'b')), reportMounted(mounted(['a', 3], ['b', 1])), registerConsumer(to('b', 'c'))),
    ).toEqual({ status: 'registered', references: to('b', 'c').references, mounted: { b: 1 } });
  });

  it('says nothing new when it says the same', () => {
    const state = after(registerConsumer(to('a', 'b')), reportMounted(mounted(['a', 3])));
    expect(registerConsumer(to('b', 'a'))(state)).toEqual([]);
    expect(reportMounted(mounted(['a', 3]))(state)).toEqual([]);
    expect(reportMounted(mounted(['a', 3], ['b', 1]))(state)).toMatchObject([{ data: { secrets: [{ secret: 'b' }] } }]);
  });

  it('mounts nothing that it does not reference', () => {
    const state = after(registerConsumer(to('a')));
    expect(() => reportMounted(mounted(['a', 1], ['z', 1]))(state)).toThrow();
    expect(() => reportMounted(mounted(['a', 1]))({ status: 'absent' })).toThrow('no such consumer');
  });

  it('is forgotten with all of it', () => {
    expect(after(registerConsumer(to('a')), forgetConsumer(name))).toEqual({ status: 'absent' });
    expect(forgetConsumer(name)({ status: 'absent' })).toEqual([]);
  });

  it('has a stream of its own for each kind, id and scope of a tenant', () => {
    const pepper = Buffer.alloc(32);
    const streams = [
      consumerStream(pepper, 't', name),
      consumerStream(pepper, 'u', name),
      consumerStream(pepper, 't', { ...name, kind: 'device' }),
      consumerStream(pepper, 't', { ...name, id: 'b' }),
      consumerStream(pepper, 't', { ...name, scope: '' }),
    ];
    expect(new Set(streams).size).toBe(streams.length);
  });
});
