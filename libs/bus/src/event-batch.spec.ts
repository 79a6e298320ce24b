import { comparePositions, formatPosition, type Position, startPosition } from '@gatehouse/contracts';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type BatchEvent,
  batchMessageId,
  batchSubject,
  decodeBatch,
  type EventBatch,
  encodeBatch,
  MalformedBatch,
} from './event-batch.js';

const position: fc.Arbitrary<Position> = fc.record({
  tx: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  seq: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
});
/** JSON text of an object: no raw control character, anything else. */
const text = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()).map((value) => JSON.stringify(value));
const batch: fc.Arbitrary<EventBatch> = fc
  .uniqueArray(position, { minLength: 2, maxLength: 10, comparator: (a, b) => comparePositions(a, b) === 0 })
  .chain((positions) => {
    const [prev = startPosition, ...others] = [...positions].sort(comparePositions);
    const names = {
      tenantId: fc.constantFrom('acme', 'other'),
      streamId: fc.constantFrom('cart:a', 'cart:b', 'key:a'),
    };
    const events = others.map((at) => fc.record({ position: fc.constant(at), ...names, text }));
    return fc.record({
      source: fc.constantFrom('identity', 'policy'),
      prev: fc.constant(prev),
      events: fc.tuple(...events),
    });
  });

describe('encodeBatch and decodeBatch', () => {
  it('give back every batch, its texts to the byte', () => {
    fc.assert(
      fc.property(batch, (sent) => {
        const received = decodeBatch(sent.source, formatPosition(sent.prev), encodeBatch(sent), 5);
        expect(received).toEqual({
          source: sent.source,
          prev: sent.prev,
          rewinds: 5,
          events: sent.events.map(({ position: at, text: body }) => ({ position: at, text: body })),
        });
      }),
    );
  });

  it('never throw anything but MalformedBatch, whatever comes', () => {
    const anything = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(
        fc.option(anything, { nil: undefined }),
        fc.option(anything, { nil: undefined }),
        anything,
        (...args) => {
          try {
            decodeBatch(...args);
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedBatch);
          }
        },
      ),
    );
  });

  it.each<[string, string | undefined, string | undefined, string]>([
    ['no source', undefined, '0.0', '1.1\t{}'],
    ['an empty source', '', '0.0', '1.1\t{}'],
    ['a source that is no service name', 'Identity', '0.0', '1.1\t{}'],
    ['a source with a wildcard', 'identity.>', '0.0', '1.1\t{}'],
    ['no predecessor', 'identity', undefined, '1.1\t{}'],
    ['a predecessor that is no position', 'identity', '1', '1.1\t{}'],
    ['nothing at all', 'identity', '0.0', ''],
    ['an empty line', 'identity', '0.0', '1.1\t{}\n'],
    ['no tab', 'identity', '0.0', '1.1 {}'],
    ['no object', 'identity', '0.0', '1.1\t[]'],
    ['no position', 'identity', '0.0', '\t{}'],
    ['a negative position', 'identity', '0.0', '-1.1\t{}'],
    ['a position no table could hold', 'identity', '0.0', '1.9223372036854775808\t{}'],
    ['a transaction no server could have', 'identity', '0.0', '18446744073709551616.1\t{}'],
    ['the same position twice', 'identity', '0.0', '1.1\t{}\n1.1\t{}'],
    ['positions that fall', 'identity', '0.0', '2.1\t{}\n1.9\t{}'],
    ['an event before its predecessor', 'identity', '2.1', '2.1\t{}'],
    [
      'more events than a message may have',
      'identity',
      '0.0',
      Array.from({ length: 10_001 }, (_, i) => `1.${i + 1}\t{}`).join('\n'),
    ],
  ])('refuse %s', (_, source, prev, body) => {
    expect(() => decodeBatch(source, prev, body)).toThrow(MalformedBatch);
  });

  it('does not repeat the content of a message in the error', () => {
    const secret = 'mas_secret';
    for (const body of [secret, `1.1\t${secret}`, `1.1\t{}\n2.1 ${secret}`])
      expect(() => decodeBatch('identity', '0.0', body)).toThrow(/^malformed event message: (?!.*mas_secret)/);
  });
});

const event = (tx: bigint, seq: bigint, streamId = 'cart:a', tenantId = 'acme'): BatchEvent => ({
  position: { tx, seq },
  tenantId,
  streamId,
  text: '{}',
});
const of = (...events: BatchEvent[]): EventBatch => ({ source: 'policy', prev: startPosition, events });

describe('batchMessageId', () => {
  it('names the first and the last event', () => {
    expect(batchMessageId(of(event(5n, 1n), event(6n, 2n)))).toBe('policy:5.1-6.2');
    expect(() => batchMessageId(of())).toThrow(RangeError);
  });

  it('differs when a retry carries more, and when the log was rewound', () => {
    const [first, more] = [of(event(5n, 1n)), of(event(5n, 1n), event(6n, 2n))];
    const ids = [first, more, { ...first, rewinds: 1 }, { ...first, rewinds: 2 }].map(batchMessageId);
    expect(new Set(ids).size).toBe(4);
    expect(batchMessageId({ ...first, rewinds: 0 })).toBe(batchMessageId(first));
  });

  it('is the same for the same events only, whatever they say', () => {
    fc.assert(
      fc.property(batch, batch, (a, b) => {
        const at = (x: EventBatch, i: number) => formatPosition(x.events.at(i)?.position ?? startPosition);
        const same = a.source === b.source && at(a, 0) === at(b, 0) && at(a, -1) === at(b, -1);
        expect(batchMessageId({ ...a, prev: b.prev })).toBe(batchMessageId(a));
        expect(batchMessageId(a) === batchMessageId(b)).toBe(same);
      }),
    );
  });
});

describe('batchSubject', () => {
  it.each<[string, EventBatch, string]>([
    ['one event', of(event(1n, 1n)), 'ev.policy.acme.cart.a'],
    ['one stream', of(event(1n, 1n), event(1n, 2n)), 'ev.policy.acme.cart.a'],
    ['streams of one kind', of(event(1n, 1n), event(1n, 2n, 'cart:b')), 'ev.policy.acme.cart._'],
    ['one id of two kinds', of(event(1n, 1n), event(1n, 2n, 'key:a')), 'ev.policy.acme._.a'],
    ['two tenants', of(event(1n, 1n), event(1n, 2n, 'cart:a', 'other')), 'ev.policy._.cart.a'],
    ['nothing in common', of(event(1n, 1n), event(1n, 2n, 'key:b', 'other')), 'ev.policy._._._'],
  ])('of %s keeps what all share', (_, sent, subject) => {
    expect(batchSubject(sent)).toBe(subject);
  });
});
