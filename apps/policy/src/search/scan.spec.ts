import type { Decision } from '@gatehouse/evaluator';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { firstBehind, scan, type Turns } from './scan.js';

const never: Turns = { isOver: () => false, next: () => Promise.reject(new Error('not asked for')) };
const decideIf =
  (permits: (name: string) => boolean) =>
  (name: string): Decision =>
    permits(name)
      ? { decision: true, reason: 'permitted', matched: [] }
      : { decision: false, reason: 'no_permit', matched: [] };
const sorted = fc.uniqueArray(fc.string(), { maxLength: 200 }).map((names) => names.sort());

describe('scan', () => {
  it('gives all that are permitted, each once, in pages of any size', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(sorted, fc.nat(), sizes, async (names, seed, limits) => {
        const permits = (name: string) => (name.length + seed) % 3 !== 0;
        const seen: string[] = [];
        for (let page = 0, more = true, after: string | undefined; more; page++) {
          const limit = limits[page % limits.length] as number;
          const got = await scan(names, decideIf(permits), { after, limit, countsAll: false, turns: never });
          seen.push(...got.found.map(({ name }) => name));
          ({ more } = got);
          expect(got.found.length).toBe(more ? limit : got.found.length);
          after = got.found.at(-1)?.name;
        }
        expect(seen).toEqual(names.filter(permits));
      }),
    );
  });

  it('counts all when it is asked to, and else stops behind the page', async () => {
    const names = Array.from({ length: 1_000 }, (_, i) => `n${String(i).padStart(4, '0')}`);
    let asked = 0;
    const decide = (name: string) => {
      asked += 1;
      return decideIf(() => true)(name);
    };
    const options = { after: undefined, limit: 10, turns: never };
    expect(await scan(names, decide, { ...options, countsAll: true })).toMatchObject({ more: true, total: 1_000 });
    expect(asked).toBe(1_000);
    asked = 0;
    const page = await scan(names, decide, { ...options, countsAll: false });
    expect(page).toMatchObject({ more: true });
    expect(page).not.toHaveProperty('total');
    expect(asked).toBe(11);
  });

  it('says with a limit of 0 how many there are, and that there are some', async () => {
    const options = { after: undefined, limit: 0, countsAll: true, turns: never };
    expect(
      await scan(
        ['a', 'b'],
        decideIf(() => true),
        options,
      ),
    ).toEqual({ found: [], more: true, total: 2 });
    expect(
      await scan(
        ['a', 'b'],
        decideIf(() => false),
        options,
      ),
    ).toEqual({ found: [], more: false, total: 0 });
  });

  it('lets others work, and ends when it is told to', async () => {
    const names = Array.from({ length: 10_000 }, (_, i) => String(i)).sort();
    let turns = 0;
    const next = async () => {
      turns += 1;
      if (turns === 5) throw new Error('nobody waits');
    };
    const options = { after: undefined, limit: 10, countsAll: true, turns: { isOver: () => true, next } };
    await expect(
      scan(
        names,
        decideIf(() => false),
        options,
      ),
    ).rejects.toThrow('nobody waits');
    expect(turns).toBe(5);
  });
});

describe('firstBehind', () => {
  it('is where the sorted names go on, whether the name is still there or not', () => {
    fc.assert(
      fc.property(sorted, fc.string(), (names, name) => {
        const wanted = names.findIndex((each) => each > name);
        expect(firstBehind(names, name)).toBe(wanted < 0 ? names.length : wanted);
      }),
    );
  });
});
