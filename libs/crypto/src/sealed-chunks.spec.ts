import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type ChunkPlace, openChunk, sealChunk } from './sealed-chunks.js';
import { newSubjectKey } from './subject-keys.js';

const place = { context: 'export:1', n: 3, isLast: false };

describe('a sealed chunk', () => {
  it('opens to what was sealed, at its place', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.nat(), fc.boolean(), (bytes, n, isLast) => {
        const key = newSubjectKey();
        const at = { context: 'export:1', n, isLast };
        expect(new Uint8Array(openChunk(key, at, sealChunk(key, at, bytes)))).toEqual(bytes);
      }),
    );
  });

  it.each<[string, Partial<ChunkPlace>]>([
    ['another whole', { context: 'export:2' }],
    ['another place', { n: 4 }],
    ['the end', { isLast: true }],
  ])('does not open as one of %s', (_name, changes) => {
    const key = newSubjectKey();
    const sealed = sealChunk(key, place, Buffer.from('text'));
    expect(() => openChunk(key, { ...place, ...changes }, sealed)).toThrow(
      expect.objectContaining({ code: 'not_authentic' }),
    );
  });

  it('does not open under another key, changed or cut', () => {
    const key = newSubjectKey();
    const sealed = sealChunk(key, place, Buffer.from('text'));
    expect(() => openChunk(newSubjectKey(), place, sealed)).toThrow(expect.objectContaining({ code: 'not_authentic' }));
    expect(() => openChunk(key, place, sealed.subarray(0, -1))).toThrow(
      expect.objectContaining({ code: 'not_authentic' }),
    );
    expect(() => openChunk(key, place, sealed.subarray(0, 20))).toThrow(expect.objectContaining({ code: 'malformed' }));
  });
});
