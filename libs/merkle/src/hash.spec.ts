import { createHash } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { emptyRoot, foldPerfect, hashLeaf, hashNode } from './hash.js';
import { CT_ENTRIES, CT_LEAF_HASHES, CT_ROOTS } from './testdata/ct-vectors.js';
import { fromHex, hex, testLeaf } from './testdata/memory-log.js';

const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest('hex');

describe('RFC 6962 hashing', () => {
  it('gives the published leaf hashes', () => {
    expect(CT_ENTRIES.map((entry) => hex(hashLeaf(fromHex(entry))))).toEqual(CT_LEAF_HASHES);
  });

  it('gives the published empty root', () => {
    expect(hex(emptyRoot())).toBe(CT_ROOTS[0]);
  });

  it('prefixes leaves of every length with 0x00, short and long ones in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 10_000 }), { maxLength: 5 }), (entries) => {
        for (const entry of entries) expect(hex(hashLeaf(entry))).toBe(sha256(Uint8Array.of(0), entry));
      }),
    );
  });

  it('hashes an entry at both sides of the scratch size', () => {
    for (const length of [0, 4095, 4096, 4097]) {
      expect(hex(hashLeaf(new Uint8Array(length).fill(7)))).toBe(
        sha256(Uint8Array.of(0), new Uint8Array(length).fill(7)),
      );
    }
  });

  it('prefixes nodes with 0x01 and gives memory of its own', () => {
    const [left, right] = [testLeaf(1), testLeaf(2)];
    const first = hashNode(left, right);
    hashNode(right, left);
    expect(hex(first)).toBe(sha256(Uint8Array.of(1), left, right));
    expect(hex(hashNode(left, right))).not.toBe(hex(hashNode(right, left)));
  });

  it('refuses a node of anything but two hashes', () => {
    expect(() => hashNode(testLeaf(1), new Uint8Array(31))).toThrow(RangeError);
    expect(() => hashNode(new Uint8Array(33), testLeaf(1))).toThrow(RangeError);
  });
});

describe('without crypto.hash (Node before 20.12)', () => {
  it('gives the same hashes', async () => {
    const crypto = await import('node:crypto');
    jest.unstable_mockModule('node:crypto', () => ({ default: { ...crypto.default, hash: undefined } }));
    jest.resetModules();
    const old = await import('./hash.js');
    expect(old.hashLeaf).not.toBe(hashLeaf);
    expect(CT_ENTRIES.map((entry) => hex(old.hashLeaf(fromHex(entry))))).toEqual(CT_LEAF_HASHES);
    expect(hex(old.hashNode(testLeaf(1), testLeaf(2)))).toBe(hex(hashNode(testLeaf(1), testLeaf(2))));
  });
});

describe('foldPerfect', () => {
  const row = Buffer.concat(Array.from({ length: 8 }, (_, i) => testLeaf(i)));

  it('gives the root of a perfect subtree and leaves the row as it was', () => {
    const before = hex(row);
    const expected = hashNode(hashNode(testLeaf(4), testLeaf(5)), hashNode(testLeaf(6), testLeaf(7)));
    expect(hex(foldPerfect(row, 4, 4))).toBe(hex(expected));
    expect(hex(foldPerfect(row, 3, 1))).toBe(hex(testLeaf(3)));
    expect(hex(row)).toBe(before);
  });

  it('refuses what is not a perfect subtree of the row', () => {
    for (const [start, count] of [
      [0, 0],
      [0, 3],
      [0, 512],
      [0, 1.5],
      [0.5, 1],
      [5, 4],
      [-1, 1],
    ] as const) {
      expect(() => foldPerfect(row, start, count)).toThrow(RangeError);
    }
  });
});
