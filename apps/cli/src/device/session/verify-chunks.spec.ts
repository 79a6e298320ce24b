import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { ChunkVerifier } from './verify-chunks.js';

const pieces = ['first chunk', 'second', 'the third one'].map((text) => Buffer.from(text));
const chunks = pieces.map((bytes, index) => ({
  ...{ index, bytes: bytes.length },
  sha256: createHash('sha256').update(bytes).digest('hex'),
}));
const verify = (bytes: Uint8Array, told = chunks, step = 4) => {
  const verifier = new ChunkVerifier(told);
  for (let at = 0; at < bytes.length; at += step) verifier.take(bytes.subarray(at, at + step));
  return verifier.end();
};
const all = Buffer.concat(pieces);

describe('the chunks of a recording', () => {
  it('hold, however the bytes come', () => {
    for (const step of [1, 3, 7, 1_000]) expect(verify(all, chunks, step)).toEqual({ proven: 3, beyond: 0 });
    expect(verify(all, [...chunks].reverse())).toEqual({ proven: 3, beyond: 0 });
  });

  it('show where it was changed', () => {
    const changed = Buffer.from(all);
    changed[12] = (changed[12] ?? 0) ^ 1;
    expect(verify(changed)).toEqual({ proven: 1, beyond: 0, broken: 1 });
  });

  it('show that it was cut', () => {
    expect(verify(all.subarray(0, 14))).toEqual({ proven: 1, beyond: 0, broken: 1 });
    expect(verify(all.subarray(0, 11))).toEqual({ proven: 1, beyond: 0, broken: 1 });
    expect(verify(Buffer.alloc(0))).toEqual({ proven: 0, beyond: 0, broken: 0 });
  });

  it('what a dying device had not told yet is told apart', () => {
    expect(verify(Buffer.concat([all, Buffer.from('more')]))).toEqual({ proven: 3, beyond: 4 });
  });

  it('one that is missing among those that were told is not passed over', () => {
    expect(() => new ChunkVerifier(chunks.filter(({ index }) => index !== 1))).toThrow(RangeError);
  });
});
