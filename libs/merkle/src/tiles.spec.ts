import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FormatError } from './errors.js';
import { decodeBundle, edgeTiles, encodeBundle, parseTilePath, type TilePath, tilePath } from './tiles.js';

describe('edgeTiles', () => {
  it("gives the specification's examples", () => {
    expect(edgeTiles(70_000)).toEqual([
      { level: 0, index: 273, width: 112 },
      { level: 1, index: 1, width: 17 },
      { level: 2, index: 0, width: 1 },
    ]);
    expect(edgeTiles(256)).toEqual([{ level: 1, index: 0, width: 1 }]);
    expect(edgeTiles(0)).toEqual([]);
  });

  it('covers every leaf with the full tiles', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (size) => {
        const covered = edgeTiles(size).reduce(
          (sum, { level, width }) => sum + BigInt(width) * 256n ** BigInt(level),
          0n,
        );
        expect(covered).toBe(BigInt(size));
      }),
    );
  });
});

describe('tile paths', () => {
  it.each<[string, TilePath]>([
    ['tile/0/000', { kind: 'hashes', level: 0, index: 0, width: 256 }],
    ['tile/0/x001/x234/067', { kind: 'hashes', level: 0, index: 1_234_067, width: 256 }],
    ['tile/0/x001/x234/067.p/1', { kind: 'hashes', level: 0, index: 1_234_067, width: 1 }],
    ['tile/63/999.p/255', { kind: 'hashes', level: 63, index: 999, width: 255 }],
    ['tile/1/x001/000', { kind: 'hashes', level: 1, index: 1000, width: 256 }],
    ['tile/entries/x001/x000/000', { kind: 'entries', index: 1_000_000, width: 256 }],
    ['tile/entries/005.p/9', { kind: 'entries', index: 5, width: 9 }],
    ['tile/0/x009/x007/x199/x254/x740/991', { kind: 'hashes', level: 0, index: 2 ** 53 - 1, width: 256 }],
  ])('%s', (path, tile) => {
    expect(tilePath(tile)).toBe(path);
    expect(parseTilePath(path)).toEqual(tile);
  });

  it.each([
    'tile/64/000',
    'tile/00/000',
    'tile/0/0',
    'tile/0/00',
    'tile/0/0000',
    'tile/0/x000/001',
    'tile/0/001/000',
    'tile/0/x001/x000',
    'tile/0/x01/000',
    'tile/0/000.p/0',
    'tile/0/000.p/01',
    'tile/0/000.p/256',
    'tile/0/000.p/',
    'tile/0/000.p',
    'tile/0/000/',
    '/tile/0/000',
    'tile/-1/000',
    'tile/entries/x999/x999/x999/x999/x999/999',
    'tile/leaves/000',
    'tile/0/000\n',
    'checkpoint',
    '',
  ])('refuses %j', (path) => {
    expect(parseTilePath(path)).toBeUndefined();
  });

  it('round-trips, and refuses what the format cannot say', () => {
    const arbitrary = fc.record({
      kind: fc.constant('hashes' as const),
      level: fc.integer({ min: 0, max: 63 }),
      index: fc.maxSafeNat(),
      width: fc.integer({ min: 1, max: 256 }),
    });
    fc.assert(fc.property(arbitrary, (tile) => expect(parseTilePath(tilePath(tile))).toEqual(tile)));
    const valid = { kind: 'hashes', level: 0, index: 0, width: 256 } as const;
    for (const wrong of [
      { level: -1 },
      { level: 64 },
      { index: -1 },
      { index: 2 ** 53 },
      { width: 0 },
      { width: 257 },
    ]) {
      expect(() => tilePath({ ...valid, ...wrong })).toThrow(RangeError);
    }
  });
});

describe('entry bundles', () => {
  it('prefixes every entry with its length', () => {
    const bundle = encodeBundle([Uint8Array.of(7, 8), new Uint8Array(), new Uint8Array(258)]);
    expect(Buffer.from(bundle.subarray(0, 8)).toString('hex')).toBe('0002070800000102');
    expect(bundle).toHaveLength(4 + 2 + 260);
  });

  it('round-trips, and refuses every cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 20 }), fc.nat(), (entries, at) => {
        const bundle = encodeBundle(entries);
        expect(decodeBundle(bundle)).toEqual(entries);
        const ends = new Set(entries.map((_, i) => encodeBundle(entries.slice(0, i)).length));
        const cut = bundle.length === 0 ? 0 : at % bundle.length;
        if (!ends.has(cut) && cut > 0) expect(() => decodeBundle(bundle.subarray(0, cut))).toThrow(FormatError);
      }),
    );
  });

  it('holds 256 entries of 65,535 bytes at most', () => {
    const full = encodeBundle(new Array(256).fill(Uint8Array.of(1)));
    expect(decodeBundle(full)).toHaveLength(256);
    expect(() => decodeBundle(Buffer.concat([full, Uint8Array.of(0, 0)]))).toThrow(FormatError);
    expect(() => encodeBundle(new Array(257).fill(new Uint8Array()))).toThrow(RangeError);
    expect(decodeBundle(encodeBundle([new Uint8Array(65_535)]))[0]).toHaveLength(65_535);
    expect(() => encodeBundle([new Uint8Array(65_536)])).toThrow(RangeError);
  });
});
