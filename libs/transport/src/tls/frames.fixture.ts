import type { SeededRandom } from '@gatehouse/testing';
import { frameType, writeHeader } from './frames.js';

export function frame(stream: number, type: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(8);
  writeHeader(head, 0, stream, type, payload.length);
  return Buffer.concat([head, payload]);
}

export const u32 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    bytes.writeUInt32BE(value, index * 4);
  });
  return bytes;
};
export const settings = frame(0, frameType.settings, u32(1, 1_024, 65_536));

/** Frames that a real peer might send after its settings, in a possible order, without end. */
export function* lifeOf(random: SeededRandom): Generator<Buffer, never> {
  for (let id = 1; ; id += 2) {
    yield frame(id, frameType.open);
    yield frame(id, frameType.data, random.bytes(1 + random.below(300)));
    yield frame(0, frameType.ping, random.bytes(8));
    yield frame(id, frameType.window, u32(1 + random.below(10_000)));
    yield frame(id, frameType.unused, u32(1));
    yield random.below(2) === 0 ? frame(id, frameType.end) : frame(id, frameType.reset, Buffer.from('cancelled by me'));
  }
}
