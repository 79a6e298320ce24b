import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { strFromU8, unzipSync } from 'fflate';
import { Archive } from './archive.js';

const now = Date.parse('2026-11-22T12:00:00Z');
const sha256 = (text: string) => createHash('sha256').update(text, 'utf8').digest('hex');

function write(files: readonly (readonly string[])[]): { archive: Archive; bytes: Buffer } {
  const archive = new Archive(now);
  const taken: Buffer[] = [];
  for (const [i, texts] of files.entries()) {
    const file = archive.open(`file-${i}.jsonl`);
    for (const text of texts) {
      file.write(text);
      taken.push(archive.take());
    }
    file.close(texts.length);
  }
  archive.close();
  return { archive, bytes: Buffer.concat([...taken, archive.take()]) };
}

describe('an archive', () => {
  it('holds every file as it was written, and says what it holds', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 200 });
    fc.assert(
      fc.property(fc.array(fc.array(text, { maxLength: 5 }), { maxLength: 5 }), (files) => {
        const { archive, bytes } = write(files);
        const read = unzipSync(bytes);
        expect(Object.keys(read)).toHaveLength(files.length);
        for (const [i, texts] of files.entries()) {
          const whole = Buffer.from(texts.join(''), 'utf8').toString('utf8');
          expect(strFromU8(read[`file-${i}.jsonl`] as Uint8Array)).toBe(whole);
          const listed = { records: texts.length, bytes: Buffer.byteLength(whole), sha256: sha256(whole) };
          expect(archive.files[i]).toMatchObject(listed);
        }
      }),
    );
  });

  it('is ready in pieces while it is written', () => {
    const archive = new Archive(now);
    const file = archive.open('long');
    let [longest, total] = [0, 0];
    for (let i = 0; i < 2_000; i++) {
      file.write(createHash('sha512').update(String(i)).digest('hex').repeat(8));
      const { length } = archive.take();
      longest = Math.max(longest, length);
      total += length;
    }
    expect(total).toBeGreaterThan(100_000);
    expect(longest).toBeLessThan(200_000);
  });
});
