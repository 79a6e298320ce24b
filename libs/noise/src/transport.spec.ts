import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { noblePrimitives } from './noble-primitives.js';
import { keyBytes, NoiseError, tagBytes } from './noise.js';
import { maxRecordText, recordLengthBytes, sealOverhead, Transport, type TransportOptions } from './transport.js';

function transports(limits: TransportOptions = {}, receivers: TransportOptions = limits) {
  const [there, back] = [new Uint8Array(keyBytes).fill(1), new Uint8Array(keyBytes).fill(2)];
  const both = { channelBinding: new Uint8Array(keyBytes), primitives: noblePrimitives };
  return {
    a: new Transport({ ...both, ...limits, sendKey: there.slice(), receiveKey: back.slice() }),
    b: new Transport({ ...both, ...receivers, sendKey: back, receiveKey: there }),
  };
}

/** The records that sealing this text wrote. */
function recordsOf(transport: Transport, text: Uint8Array): Uint8Array[] {
  const into = new Uint8Array(text.length + sealOverhead + 7);
  const end = 7 + transport.seal(text, into, 7);
  const records: Uint8Array[] = [];
  for (let at = 7; at < end; ) {
    const length = ((into[at] as number) << 8) | (into[at + 1] as number);
    records.push(into.slice(at + recordLengthBytes, at + recordLengthBytes + length));
    at += recordLengthBytes + length;
  }
  return records;
}
const codeOf = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return error instanceof NoiseError ? error.code : error;
  }
  return 'nothing';
};
const letters = new TextEncoder().encode('abcdefghij');

describe('a transport', () => {
  it('carries texts of every length both ways', () => {
    const { a, b } = transports();
    for (const length of [1, 2, 1_000, maxRecordText - 1, maxRecordText]) {
      const text = new Uint8Array(length).fill(length % 251);
      for (const [from, to] of [
        [a, b],
        [b, a],
      ] as const) {
        const [record, ...more] = recordsOf(from, text);
        expect(more).toEqual([]);
        expect(record).toHaveLength(length + tagBytes);
        expect(to.open(record as Uint8Array)).toEqual(text);
      }
    }
    for (const length of [0, maxRecordText + 1])
      expect(codeOf(() => recordsOf(a, new Uint8Array(length)))).toBe('message_too_long');
  });

  it('seals what stands in two places as one text, of which the length is that of both', () => {
    const { a, b } = transports();
    const into = new Uint8Array(maxRecordText + sealOverhead);
    const [head, text] = [letters, new Uint8Array(maxRecordText - letters.length).fill(7)];
    const length = a.seal(text, into, 0, head);
    expect(b.open(into.slice(recordLengthBytes, length))).toEqual(new Uint8Array([...head, ...text]));
    expect(codeOf(() => a.seal(new Uint8Array(text.length + 1), into, 0, head))).toBe('message_too_long');
    expect(codeOf(() => a.seal(new Uint8Array(0), into, 0, new Uint8Array(0)))).toBe('message_too_long');
  });

  it('opens nothing that was altered, repeated, left out, or of the other way, and then nothing at all', () => {
    const harm: Record<string, (records: Uint8Array[], a: Transport, b: Transport) => Uint8Array> = {
      altered: ([first]) => (first as Uint8Array).map((byte, i) => (i === 3 ? byte ^ 1 : byte)),
      'cut short': ([first]) => (first as Uint8Array).slice(0, -1),
      'left out': ([, second]) => second as Uint8Array,
      repeated: ([first], _a, b) => {
        b.open(first as Uint8Array);
        return first as Uint8Array;
      },
      'sent back': (_records, _a, b) => recordsOf(b, letters)[0] as Uint8Array,
      'too long': () => new Uint8Array(65_536),
      empty: () => new Uint8Array(0),
    };
    for (const [name, make] of Object.entries(harm)) {
      const { a, b } = transports();
      const records = [...recordsOf(a, letters), ...recordsOf(a, letters)];
      expect([name, codeOf(() => b.open(make(records, a, b)))]).toEqual([name, 'decryption_failed']);
      expect(codeOf(() => b.open(records[0] as Uint8Array))).toBe('decryption_failed');
    }
  });

  it('takes another key after so many bytes, and after so long', () => {
    let now = 0;
    const { a, b } = transports({ rekeyBytes: 25, rekeyMs: 1_000, clock: () => now });
    const counts = [0, 0, 0, 900, 1_001, 1_002].map((at) => {
      now = at;
      const records = recordsOf(a, letters);
      expect(b.open(records[0] as Uint8Array)).toEqual(letters);
      for (const marker of records.slice(1)) expect(b.open(marker)).toEqual(new Uint8Array(0));
      return records.length;
    });
    // Thirty bytes; then a second without news of bytes.
    expect(counts).toEqual([1, 1, 2, 1, 2, 1]);
  });

  it('does not open what was sealed under a key that is gone', () => {
    const { a, b } = transports({ rekeyBytes: 15 });
    const [first] = recordsOf(a, letters);
    const [second, marker] = recordsOf(a, letters);
    const [third] = recordsOf(a, letters);
    for (const record of [first, second]) b.open(record as Uint8Array);
    // Without the marker the receiver still has the old key.
    expect(codeOf(() => b.open(third as Uint8Array))).toBe('decryption_failed');
    expect(marker).toHaveLength(tagBytes);
  });

  it('bears no sender that keeps one key for ever', () => {
    const { a, b } = transports({ rekeyBytes: 1_000_000 }, { rekeyBytes: 25 });
    for (let i = 0; i < 5; i++) expect(b.open(recordsOf(a, letters)[0] as Uint8Array)).toEqual(letters);
    expect(codeOf(() => b.open(recordsOf(a, letters)[0] as Uint8Array))).toBe('exhausted');
  });

  it('carries whatever is written, in order, whenever keys change', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 30 }),
        fc.integer({ min: 1, max: 500 }),
        (texts, rekeyBytes) => {
          const { a, b } = transports({ rekeyBytes: Math.max(rekeyBytes, 300) });
          for (const text of texts) {
            const [record, ...markers] = recordsOf(a, text);
            expect(b.open(record as Uint8Array)).toEqual(text);
            for (const marker of markers) b.open(marker);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
