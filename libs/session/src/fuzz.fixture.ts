import { frameTypes } from './messages.js';
import { command } from './session-world.fixture.js';

/** Of all of it together; what costs a handshake each has a smaller share. */
const cases = Number(process.env.FUZZ_CASES ?? 10_000);
export const fuzzShare = (part: number): number => Math.ceil(cases * part);
export const seed = Number(process.env.FUZZ_SEED ?? 20_261_122);

/** xorshift32: the same cases for the same seed. */
export function randomFrom(start: number): (below: number) => number {
  let state = start | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

export type Random = ReturnType<typeof randomFrom>;

const changes: readonly ((bytes: Buffer, at: number, random: Random) => Buffer)[] = [
  (bytes, at, random) => bytes.fill(random(256), at, at + 1),
  (bytes, at, random) => bytes.fill((bytes[at] ?? 0) ^ (1 << random(8)), at, at + 1),
  (bytes, at) => bytes.subarray(0, at),
  (bytes, at, random) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(20))]),
  (bytes, at, random) =>
    Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + 1 + random(60)), bytes.subarray(at)]),
  (bytes, at, random) =>
    Buffer.concat([
      bytes.subarray(0, at),
      Buffer.from(Array.from({ length: random(40) }, () => random(256))),
      bytes.subarray(at),
    ]),
];

/** One to three changes; headers, where most is decided, more often than the rest. */
export function mutated(original: Buffer, random: Random): Buffer {
  let bytes: Buffer = Buffer.from(original);
  for (let left = 1 + random(3); left > 0 && bytes.byteLength > 0; left--) {
    const at = random(random(2) ? Math.min(24, bytes.byteLength) : bytes.byteLength);
    bytes = changes[random(changes.length)]?.(bytes, at, random) ?? bytes;
  }
  return bytes;
}

export const frame = (type: number, payload: Buffer): Buffer => {
  const header = Buffer.alloc(5);
  header[0] = type;
  header.writeUInt32BE(payload.byteLength, 1);
  return Buffer.concat([header, payload]);
};
export const openFrame = frame(frameTypes.open, Buffer.from(JSON.stringify({ kind: 'exec', command, stdin: true })));
