import { describe, expect, it } from '@jest/globals';
import { SearchPlaces, SearchTurns } from './turns.js';

describe('turns of searches', () => {
  it('come one after the other, with room for others in between', async () => {
    const turns = new SearchTurns();
    const order: string[] = [];
    const search = async (name: string) => {
      const { next } = turns.take(() => undefined);
      for (let i = 0; i < 3; i++) {
        await next();
        order.push(name);
      }
    };
    let others = 0;
    const ticking = setInterval(() => others++, 0);
    await Promise.all([search('a'), search('b')]);
    clearInterval(ticking);
    expect(order).toEqual(['a', 'b', 'a', 'b', 'a', 'b']);
  });

  it('end with the search', async () => {
    const { next } = new SearchTurns().take(() => {
      throw new Error('nobody waits');
    });
    await expect(next()).rejects.toThrow('nobody waits');
  });
});

describe('places for searches', () => {
  const gate = () => {
    let open: (() => void) | undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    return { open: () => open?.(), opened };
  };

  it('are few for a tenant, and others have their own', async () => {
    const places = new SearchPlaces({ running: 1, waiting: 1 });
    const first = gate();
    const one = places.within('acme', () => first.opened.then(() => 'one'));
    const two = places.within('acme', async () => 'two');
    expect(await places.within('acme', async () => 'three')).toBeUndefined();
    expect(await places.within('other', async () => 'theirs')).toBe('theirs');
    first.open();
    expect(await Promise.all([one, two])).toEqual(['one', 'two']);
    expect(places.size).toBe(0);
    expect(await places.within('acme', async () => 'again')).toBe('again');
  });

  it('are given back when a search fails', async () => {
    const places = new SearchPlaces({ running: 1, waiting: 0 });
    await expect(places.within('acme', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await places.within('acme', async () => 'next')).toBe('next');
    expect(places.size).toBe(0);
  });
});
