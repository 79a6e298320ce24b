import { describe, expect, it } from '@jest/globals';
import { Addresses } from './addresses.js';

const pepper = Buffer.alloc(32, 7);

describe('addresses of secrets', () => {
  it('are the same each time, and another for each tenant and path', () => {
    const addresses = new Addresses(pepper);
    const pairs = [
      ['acme', 'prod/KEY'],
      ['acme', 'prod/key'],
      ['globex', 'prod/KEY'],
    ] as const;
    const first = pairs.map(([tenantId, path]) => addresses.of(tenantId, path));
    expect(new Set(first.map(({ streamId }) => streamId)).size).toBe(3);
    expect(first.map(({ path }) => path)).toEqual(pairs.map(([, path]) => path));
    for (const [i, [tenantId, path]] of pairs.entries()) {
      expect(addresses.of(tenantId, path)).toBe(first[i]);
      expect(new Addresses(pepper).of(tenantId, path)).toEqual(first[i]);
    }
  });

  it('of no path that is refused are remembered: it is refused each time', () => {
    const addresses = new Addresses(pepper);
    for (const _ of [1, 2]) expect(() => addresses.of('acme', 'a//b')).toThrow();
    expect(addresses.size).toBe(0);
  });

  it('are remembered within a bound', () => {
    const addresses = new Addresses(pepper);
    const before = addresses.of('acme', 'first');
    for (let i = 0; i < 9_000; i++) addresses.of('acme', `S${i}`);
    expect(addresses.size).toBe(8_192);
    expect(addresses.of('acme', 'first')).toEqual(before);
  });
});
