import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TokenCache } from './token-cache.js';

const entry = (value: string, tokenIds: readonly string[], readAtMs = 0) => ({ value, tokenIds, readAtMs });

describe('tokens in memory', () => {
  it('are forgotten with any that they were made with', () => {
    const cache = new TokenCache<string>(10, 1_000);
    cache.set('child', entry('c', ['c', 'p']), cache.generation);
    cache.set('parent', entry('p', ['p']), cache.generation);
    cache.set('other', entry('o', ['o']), cache.generation);
    cache.forget('p');
    expect(['child', 'parent', 'other'].map((hash) => cache.get(hash, 0))).toEqual([undefined, undefined, 'o']);
  });

  it('are not remembered when something ended while they were read', () => {
    const cache = new TokenCache<string>(10, 1_000);
    const before = cache.generation;
    cache.forget('t');
    cache.set('hash', entry('t', ['t']), before);
    expect(cache.get('hash', 0)).toBeUndefined();
    cache.set('hash', entry('t', ['t']), cache.generation);
    cache.clear();
    expect(cache.get('hash', 0)).toBeUndefined();
  });

  it('are read again when they are old, also by a clock that was set back', () => {
    const cache = new TokenCache<string>(10, 1_000);
    cache.set('hash', entry('t', ['t'], 5_000), cache.generation);
    expect(cache.get('hash', 5_999)).toBe('t');
    expect(cache.get('hash', 6_000)).toBeUndefined();
    cache.set('hash', entry('t', ['t'], 5_000), cache.generation);
    expect(cache.get('hash', 3_000)).toBeUndefined();
  });

  it('stay within their bound, whatever happens, and the index with them', () => {
    const step = fc.record({ hash: fc.nat(20), forget: fc.option(fc.nat(20), { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const cache = new TokenCache<string>(5, 1_000);
        for (const { hash, forget } of steps) {
          cache.set(`h${hash}`, entry(`${hash}`, [`t${hash}`, `t${hash % 3}`]), cache.generation);
          if (forget !== undefined) cache.forget(`t${forget}`);
          expect(cache.size).toBeLessThanOrEqual(5);
          if (forget !== undefined) expect(cache.get(`h${forget}`, 0)).toBeUndefined();
        }
      }),
    );
  });
});
