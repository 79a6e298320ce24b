import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SortedNames } from './sorted-names.js';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const name = fc.string({ maxLength: 4 });
const change = fc.tuple(name, fc.boolean());

/** A set that tells its changes, as the index of a tenant does. */
function told(start: readonly string[]) {
  const all = new Set(start);
  const names = new SortedNames(() => all);
  const apply = ([each, comes]: readonly [string, boolean]) => {
    if (all.has(each) === comes) return;
    if (comes) all.add(each);
    else all.delete(each);
    names.change(each, comes);
  };
  return { names, apply, expected: () => [...all].sort() };
}

describe('sorted names', () => {
  it('are those of the set, sorted, after any changes, whenever they are asked for', () => {
    const steps = fc.array(fc.oneof(change, fc.constant('ask' as const)), { maxLength: 60 });
    fc.assert(
      fc.property(fc.array(name), steps, (start, sequence) => {
        const { names, apply, expected } = told(start);
        for (const step of sequence) {
          if (step === 'ask') expect(names.all()).toEqual(expected());
          else apply(step);
        }
        expect(names.all()).toEqual(expected());
      }),
    );
  });

  it('are the same when they are prepared while others change them', async () => {
    const start = Array.from({ length: 40_000 }, (_, i) => `n${(i * 7919) % 40_000}`);
    const { names, apply, expected } = told(start);
    const prepared = names.prepare(turn);
    let pauses = 0;
    const meanwhile = (async () => {
      for (let i = 0; i < 30; i++) {
        apply([`n${i}`, false]);
        apply([`m${i}`, true]);
        // Goes and comes again behind the reader: it is read twice.
        apply([`n${i + 100}`, false]);
        apply([`n${i + 100}`, true]);
        pauses += 1;
        await turn();
      }
    })();
    // Somebody who cannot wait gets the whole truth too.
    expect(names.all()).toEqual(expected());
    await Promise.all([prepared, meanwhile]);
    expect(pauses).toBe(30);
    expect(names.all()).toEqual(expected());
    apply(['n5', true]);
    expect(names.all()).toEqual(expected());
  });

  it('are each there once, also one that went and came again while it was read', async () => {
    const { names, apply, expected } = told(Array.from({ length: 20_000 }, (_, i) => `n${i}`));
    let pauses = 0;
    await names.prepare(async () => {
      if (pauses++ > 0) return;
      // Read already: it stands behind the reader once more.
      apply(['n0', false]);
      apply(['n0', true]);
    });
    expect(names.all().filter((each) => each === 'n0')).toEqual(['n0']);
    expect(names.all()).toEqual(expected());
  });

  it('forget an attempt that was broken off', async () => {
    const { names, apply, expected } = told(Array.from({ length: 20_000 }, (_, i) => `n${i}`));
    const broken = names.prepare(async () => {
      apply(['new', true]);
      throw new Error('nobody waits');
    });
    await expect(broken).rejects.toThrow('nobody waits');
    apply(['new', false]);
    await names.prepare(turn);
    expect(names.all()).toEqual(expected());
  });

  it('once answered never change, and are the same list until something changes', () => {
    const { names, apply } = told(['b', 'a']);
    const before = names.all();
    expect(names.all()).toBe(before);
    apply(['c', true]);
    expect(names.all()).toEqual(['a', 'b', 'c']);
    expect(before).toEqual(['a', 'b']);
  });

  it('are sorted anew after more changes than are worth merging', () => {
    const { names, apply, expected } = told(['a']);
    names.all();
    for (let i = 0; i < 20_000; i++) apply([String(i), true]);
    expect(names.all()).toEqual(expected());
  });
});
