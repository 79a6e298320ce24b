import { randomBytes } from 'node:crypto';
import { fuzzCases, fuzzSeed, SeededRandom } from '@gatehouse/testing';
import { describe, expect, it } from '@jest/globals';
import { parseLong, resetToken, routeOf, statelessReset, versionNegotiation, versionProbe } from './packets.js';
import { mintToken, openToken } from './retry-token.js';

describe('a retry token', () => {
  const key = randomBytes(32);
  const facts = { address: '192.0.2.7', port: 4_433, original: randomBytes(8), given: randomBytes(16) };
  const token = mintToken(key, facts, 1_000_000);

  it('gives back the first id, to whom it was sent', () => {
    expect(openToken(key, token, facts, 1_005_000)).toEqual(facts.original);
  });

  it.each([
    ['another address', { ...facts, address: '192.0.2.8' }, 1_005_000],
    ['another port', { ...facts, port: 4_434 }, 1_005_000],
    ['another id', { ...facts, given: randomBytes(16) }, 1_005_000],
    ['later', facts, 1_000_000 + 15_001],
    ['before it was made', facts, 999_999],
  ])('says nothing to anybody else: %s', (_name, from, at) => {
    expect(openToken(key, token, from, at)).toBeUndefined();
  });

  it('is believed of its own key alone, and whole', () => {
    expect(openToken(randomBytes(32), token, facts, 1_005_000)).toBeUndefined();
    for (let index = 0; index < token.length; index++) {
      const changed = Buffer.from(token);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(openToken(key, changed, facts, 1_005_000)).toBeUndefined();
      expect(openToken(key, token.subarray(0, index), facts, 1_005_000)).toBeUndefined();
    }
  });
});

describe('packets', () => {
  it('of unknown versions are asked and answered at the same size, with the ids exchanged', () => {
    const [destination, source] = [randomBytes(16), randomBytes(16)];
    const header = parseLong(versionProbe(destination, source, 8_900));
    expect(header).toMatchObject({ destination, source, isInitial: false });
    const answer = versionNegotiation(header as NonNullable<typeof header>, 8_900);
    expect(answer.length).toBeGreaterThan(8_896);
    expect(answer.length).toBeLessThanOrEqual(8_900);
    expect(parseLong(answer)).toMatchObject({ version: 0, destination: source, source: destination });
  });

  it('that end a connection are shorter than what they answer, and carry the token', () => {
    const key = randomBytes(32);
    const id = randomBytes(16);
    for (const length of [39, 50, 64, 1_350]) {
      const packet = statelessReset(key, id, length);
      expect(packet?.length).toBeLessThan(length);
      expect(packet?.subarray(-16).equals(resetToken(key, id))).toBe(true);
      expect((packet?.[0] ?? 0) & 0xc0).toBe(0x40);
    }
    expect(statelessReset(key, id, 38)).toBeUndefined();
  });

  it(`of whatever bytes are read without harm (seed ${fuzzSeed})`, () => {
    const random = new SeededRandom(fuzzSeed);
    const good = versionProbe(random.bytes(16), random.bytes(16), 1_200);
    for (let count = 0; count < fuzzCases(); count++) {
      const packet = random.below(2) === 0 ? random.mutate(good.subarray(0, 60)) : random.bytes(random.below(40));
      const header = parseLong(packet);
      const route = routeOf(packet);
      expect(route === undefined || route.length <= 20).toBe(true);
      if (header) expect(header.destination.length + header.source.length).toBeLessThanOrEqual(40);
    }
  });
});
