import type { ReceivedBatch } from '@gatehouse/bus';
import { comparePositions, formatPosition, type Position, startPosition } from '@gatehouse/contracts';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Gaps } from './gaps.js';
import { planBatches } from './plan-batches.js';

const at = (n: number): Position => ({ tx: BigInt(n >> 1), seq: BigInt(n) });
const event = (n: number) => ({ position: at(n), text: `{"n":${n}}` });
/** The events `from` to `to` of a log whose n-th event is `{"n": n}`; the first one is 1. */
const batch = (from: number, to: number, options: Partial<ReceivedBatch> = {}): ReceivedBatch => ({
  source: 'identity',
  prev: from === 1 ? startPosition : at(from - 1),
  events: Array.from({ length: to - from + 1 }, (_, i) => event(from + i)),
  rewinds: 0,
  ...options,
});
const standing = (n: number, source = 'identity') => new Map([[source, n === 0 ? startPosition : at(n)]]);
const numbers = (plan: ReturnType<typeof planBatches>) =>
  plan.events.map((planned) => (planned.envelope as unknown as { n: number }).n);

describe('planBatches', () => {
  it('takes what begins where we stand, and moves there', () => {
    const plan = planBatches([batch(1, 3), batch(4, 5)], standing(0));
    expect([plan.done, numbers(plan), plan.positions.get('identity')]).toEqual([[true, true], [1, 2, 3, 4, 5], at(5)]);
    expect(plan.events[0]).toMatchObject({ source: 'identity', text: '{"n":1}', position: at(1) });
  });

  it('skips what it has, whole or in part', () => {
    const plan = planBatches([batch(1, 3), batch(2, 6), batch(1, 6), batch(6, 6)], standing(4));
    expect([plan.done, numbers(plan), plan.skipped]).toEqual([[true, true, true, true], [5, 6], 3 + 3 + 6 + 1]);
  });

  it('lets wait what begins behind a gap, and says of which source', () => {
    const plan = planBatches([batch(4, 5), batch(1, 2), batch(6, 6, { rewinds: 2 })], standing(0));
    expect([plan.done, numbers(plan), [...plan.missing]]).toEqual([[false, true, false], [1, 2], [['identity', 2]]]);
  });

  it('keeps sources apart, and leaves alone those it was not told of', () => {
    const other = { source: 'policy' };
    const plan = planBatches(
      [batch(1, 1), batch(2, 2, other), batch(1, 1, { source: 'vault' })],
      new Map([...standing(0), ...standing(1, 'policy')]),
    );
    expect([plan.done, [...plan.positions.keys()], [...plan.missing]]).toEqual([
      [true, true, false],
      ['identity', 'policy'],
      [],
    ]);
  });

  it('gives up what is behind a gap when it comes again, and nothing newer', () => {
    const waiting = [batch(4, 4), batch(5, 5, { rewinds: 1 }), batch(6, 6, { rewinds: 2 })];
    const plan = planBatches(waiting, standing(0), new Map([['identity', 1]]));
    expect([plan.done, numbers(plan), [...plan.missing]]).toEqual([[true, true, false], [], [['identity', 2]]]);
  });

  it('passes unread what does not concern the consumer, and moves behind it', () => {
    const events = [event(1), { position: at(2), text: 'not even JSON' }, event(3)];
    const odd = (text: string) => text === '{"n":1}' || text === '{"n":3}';
    const plan = planBatches([{ ...batch(1, 3), events }], standing(0), new Map(), odd);
    expect([plan.done, numbers(plan), plan.positions.get('identity'), plan.skipped]).toEqual([
      [true],
      [1, 3],
      at(3),
      0,
    ]);
    const none = planBatches([batch(4, 5)], standing(3), new Map(), () => false);
    expect([none.done, numbers(none), none.positions.get('identity')]).toEqual([[true], [], at(5)]);
    const behindGap = planBatches([batch(7, 8)], standing(5), new Map(), () => false);
    expect([behindGap.done, [...behindGap.missing.keys()]]).toEqual([[false], ['identity']]);
  });

  it('treats a damaged batch as one that never came', () => {
    const damaged = { ...batch(1, 2), events: [event(1), { position: at(2), text: '{"n":' }] };
    const plan = planBatches(
      [damaged, batch(1, 1, { source: 'policy' })],
      new Map([...standing(0), ...standing(0, 'policy')]),
    );
    expect([plan.done, numbers(plan), [...plan.missing.keys()]]).toEqual([[false, true], [1], ['identity']]);
  });

  it('does not change what it was given', () => {
    const before = standing(0);
    planBatches([batch(1, 3)], before);
    expect(before).toEqual(standing(0));
  });
});

/**
 * A relay as it may be seen on the bus: it publishes the log from its position on, in batches of any size, dies anywhere
 * after a publish with its position saved or not, is rewound to anywhere, and is at times joined by a rogue one that
 * publishes from an old position. Every event is first seen after all earlier ones.
 */
function publications(length: number, choices: readonly Choice[]): ReceivedBatch[] {
  const published: ReceivedBatch[] = [];
  let [position, reached, rewinds] = [0, 0, 0];
  const publish = (from: number, size: number) => {
    const to = Math.min(from + size, length);
    if (to > from) published.push(batch(from + 1, to, { rewinds }));
    reached = Math.max(reached, to);
    return to;
  };
  for (const { size, fate, where } of choices) {
    if (fate === 'rewind') {
      const to = Math.floor(where * position);
      if (to < position) rewinds++;
      position = to;
    } else if (fate === 'rogue') publish(Math.floor(where * reached), size);
    else {
      const to = publish(position, size);
      if (fate === 'saved') position = to;
    }
  }
  while (position < length) position = publish(position, 3);
  return published;
}

interface Choice {
  readonly size: number;
  readonly fate: 'saved' | 'died' | 'rewind' | 'rogue';
  readonly where: number;
}
const choices: fc.Arbitrary<Choice[]> = fc.array(
  fc.record({
    size: fc.integer({ min: 1, max: 6 }),
    fate: fc.constantFrom<Choice['fate'][]>('saved', 'saved', 'died', 'rewind', 'rogue'),
    where: fc.double({ min: 0, max: 0.999, noNaN: true }),
  }),
  { maxLength: 15 },
);

describe('a consumer', () => {
  it('applies every event once and in order, however a relay dies and messages are delivered', () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 20 }),
      choices,
      fc.infiniteStream(fc.nat()),
      (length, fates, random) => {
        const draw = (below: number) => (random.next().value as number) % below;
        let waiting = publications(length, fates);
        const applied: unknown[] = [];
        let positions: ReadonlyMap<string, Position> = standing(0);
        for (let rounds = 0; waiting.length > 0; rounds++) {
          expect(rounds).toBeLessThan(2_000);
          // Any messages, in any order, some of them twice, some of them answered with a crash before the commit.
          const group = Array.from({ length: 1 + draw(4) }, () => draw(waiting.length));
          const plan = planBatches(
            group.map((i) => waiting[i]).filter((m) => m !== undefined),
            positions,
          );
          if (draw(5) === 0) continue;
          applied.push(...numbers(plan));
          positions = plan.positions;
          const done = new Set(group.filter((_, i) => plan.done[i]));
          // Some acknowledgements get lost: the message comes again.
          waiting = waiting.filter((_, i) => !done.has(i) || draw(6) === 0);
        }
        expect(applied).toEqual(Array.from({ length }, (_, i) => i + 1));
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  it('recovers from lost messages through few places, by asking for them', async () => {
    const property = fc.asyncProperty(
      fc.integer({ min: 3, max: 25 }),
      fc.integer({ min: 1, max: 3 }),
      fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }),
      async (length, places, lost) => {
        // A stream in which some of the first publications are missing, read through `places` places of a consumer.
        let rewinds = 0;
        const stream: ReceivedBatch[] = [];
        const publishFrom = (have: number, drop: (i: number) => boolean) => {
          for (let n = have + 1; n <= length; n++) if (!drop(n)) stream.push(batch(n, n, { rewinds }));
        };
        publishFrom(0, (n) => n < length && (lost[n] ?? false));
        let [now, asked] = [0, 0];
        const gaps = new Gaps({
          sources: ['identity'],
          gapAfterMs: 100,
          now: () => now,
          onGap: async (_, have) => {
            asked++;
            rewinds++;
            publishFrom(Number(have.seq), () => false);
            return true;
          },
        });
        const applied: unknown[] = [];
        let positions: ReadonlyMap<string, Position> = standing(0);
        let pending: ReceivedBatch[] = [];
        for (let rounds = 0; stream.length + pending.length > 0; rounds++) {
          expect(rounds).toBeLessThan(500);
          while (pending.length < places && stream.length > 0) pending.push(...stream.splice(0, 1));
          const plan = planBatches(pending, positions, gaps.superseded);
          applied.push(...numbers(plan));
          positions = plan.positions;
          gaps.watch(plan);
          pending = pending.filter((_, i) => !plan.done[i]);
          now += 60;
          await Promise.resolve().then(() => Promise.resolve());
        }
        expect(applied).toEqual(Array.from({ length }, (_, i) => i + 1));
        expect(asked).toBeLessThanOrEqual(1);
      },
    );
    await fc.assert(property, { numRuns: 100 });
  });
});

describe('Gaps', () => {
  const plan = (have: number, waiting?: number, source = 'identity') => ({
    ...planBatches([], new Map([...standing(0, 'policy'), ...standing(have, source)])),
    missing: new Map(waiting === undefined ? [] : [[source, waiting]]),
  });
  const open = (answer: () => Promise<boolean> | undefined = async () => true) => {
    const clock = { now: 0 };
    const asked: string[] = [];
    const gaps = new Gaps({
      sources: ['identity', 'policy'],
      gapAfterMs: 1_000,
      now: () => clock.now,
      onGap: (source, have) => {
        asked.push(`${source}@${formatPosition(have)}`);
        return answer();
      },
    });
    return { clock, asked, gaps };
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));

  it('asks when something has been missing for the time, once a time, and not before', async () => {
    const { clock, asked, gaps } = open();
    for (const now of [0, 500, 999]) {
      clock.now = now;
      gaps.watch(plan(3, 0));
    }
    expect([gaps.open(), asked]).toEqual([['identity'], []]);
    for (const now of [1_000, 1_500, 1_999]) {
      clock.now = now;
      gaps.watch(plan(3, 0));
      await settled();
    }
    expect(asked).toEqual(['identity@1.3']);
    clock.now = 2_000;
    gaps.watch(plan(3, 0));
    expect(asked).toHaveLength(2);
  });

  it('is not put off by calls that bring nothing of the source', () => {
    const { clock, asked, gaps } = open();
    gaps.watch(plan(3, 0));
    for (let now = 100; now < 1_000; now += 100) {
      clock.now = now;
      gaps.watch(plan(3)); // traffic of others
    }
    expect(gaps.open()).toEqual(['identity']);
    clock.now = 1_000;
    gaps.watch(plan(3, 0));
    expect(asked).toEqual(['identity@1.3']);
  });

  it('starts anew when the source has moved on, and closes when nothing is missing', () => {
    const { clock, asked, gaps } = open();
    gaps.watch(plan(3, 0));
    clock.now = 900;
    gaps.watch(plan(4, 0));
    clock.now = 1_100;
    gaps.watch(plan(4, 0));
    expect(asked).toEqual([]);
    gaps.watch(plan(5));
    expect(gaps.open()).toEqual([]);
  });

  it('forgets a gap that another replica meets', () => {
    const { clock, gaps } = open();
    gaps.watch(plan(3, 0));
    clock.now = 60_001;
    expect(gaps.open()).toEqual([]);
  });

  it.each<[string, () => Promise<boolean> | undefined, number[]]>([
    ['has the source rewound', async () => true, [7]],
    ['has the source not rewound', async () => false, []],
    ['does not know', () => undefined, []],
    ['could not ask', () => Promise.reject(new Error('no answer')), []],
    [
      'throws',
      () => {
        throw new Error('no connection');
      },
      [],
    ],
  ])('gives up what waits only when it %s', async (_, answer, superseded) => {
    const { clock, gaps } = open(answer);
    gaps.watch(plan(3, 7));
    clock.now = 1_000;
    gaps.watch(plan(3, 5));
    expect(gaps.superseded.size).toBe(0);
    await settled();
    expect([...gaps.superseded.values()]).toEqual(superseded);
  });
});

describe('positions of this spec', () => {
  it('rise with the numbers', () => {
    for (let n = 1; n < 50; n++) expect(comparePositions(at(n), at(n - 1))).toBe(1);
  });
});
