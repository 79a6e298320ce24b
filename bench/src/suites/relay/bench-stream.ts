import { type FrameStream, frameTypes } from '@gatehouse/session';
import type { ByteStream } from '@gatehouse/transport';

/** What is measured, whatever carries it: bytes both ways, each side ended by itself. */
export interface BenchStream {
  onData: (chunk: Uint8Array) => void;
  onEnd: () => void;
  onDrain: () => void;
  /** Nothing is expected of it any more: it may break off. */
  isDone?: boolean;
  write(chunk: Uint8Array): boolean;
  end(): void;
}

const nothing = () => undefined;

export function ofByteStream(stream: ByteStream): BenchStream {
  const bench: BenchStream = {
    onData: nothing,
    onEnd: nothing,
    onDrain: nothing,
    write: (chunk) => stream.write(chunk),
    end: () => stream.end(),
  };
  stream.onData = (chunk) => bench.onData(chunk);
  stream.onEnd = () => bench.onEnd();
  stream.onReset = (end) => {
    if (!bench.isDone) throw new Error(`reset: ${end.code} ${end.detail ?? ''}`);
  };
  stream.onDrain = () => bench.onDrain();
  return bench;
}

/** Frames of at most 64 KiB; the end is a frame of its own. */
export function ofFrames(frames: FrameStream): BenchStream {
  const bench: BenchStream = {
    onData: nothing,
    onEnd: nothing,
    onDrain: nothing,
    write: (chunk) => frames.send(frameTypes.data, chunk),
    end: () => {
      frames.send(frameTypes.eof, new Uint8Array(0));
      frames.end();
    },
  };
  frames.onFrame = (type, payload) => {
    if (type === frameTypes.data) bench.onData(payload);
    else if (type === frameTypes.eof) bench.onEnd();
    else if (type === frameTypes.error) throw new Error(`refused: ${Buffer.from(payload).toString()}`);
  };
  frames.onReset = nothing;
  frames.onDrain = () => bench.onDrain();
  return bench;
}

const [echoMark, sinkMark] = [0x45, 0x53];
/** The last of the bytes that are counted; a stream's end will not do, which chisel makes that of both directions. */
const lastMark = 0x4c;

/** The device's side: gives back what comes, or counts it and says how much it was. */
export function answer(stream: BenchStream): void {
  let kind: number | undefined;
  let count = 0;
  stream.onData = (chunk) => {
    const rest = kind === undefined ? chunk.subarray(1) : chunk;
    kind ??= chunk[0];
    // A conversation is over when its client is gone.
    stream.isDone ||= kind === echoMark;
    count += rest.byteLength;
    if (kind === echoMark && rest.byteLength > 0) stream.write(rest);
    if (kind !== sinkMark || rest.at(-1) !== lastMark) return;
    const told = Buffer.alloc(8);
    told.writeBigUInt64BE(BigInt(count - 1));
    stream.isDone = true;
    stream.write(told);
  };
  stream.onEnd = () => stream.end();
}

const chunk = Buffer.alloc(65_536, 7);

/** Writes for so long, or so much. @returns how many bytes the other side had when it had all */
export function pump(stream: BenchStream, untilMs: number, mostBytes: number): Promise<number> {
  let left = mostBytes;
  return new Promise((resolve) => {
    let told = Buffer.alloc(0);
    stream.onData = (bytes) => {
      told = Buffer.concat([told, bytes]);
      if (told.length < 8) return;
      stream.end();
      resolve(Number(told.readBigUInt64BE()));
    };
    const write = () => {
      while (performance.now() < untilMs && left > 0) {
        const isAll = left < chunk.length;
        left -= chunk.length;
        if (!stream.write(isAll ? chunk.subarray(0, chunk.length + left) : chunk)) return;
      }
      stream.onDrain = nothing;
      stream.write(Buffer.of(lastMark));
    };
    stream.onDrain = () => setImmediate(write);
    stream.write(Buffer.from([sinkMark]));
    write();
  });
}

/**
 * Times of 64 bytes there and back, one after the other, in milliseconds, in rising order.
 *
 * @param from moment from which on they count, `performance.now`: what runs for the first time is compiled before
 * @param until moment of the last one
 */
export async function roundTrips(stream: BenchStream, from: number, until: number): Promise<number[]> {
  const bytes = Buffer.alloc(64, 1);
  let arrived: () => void = nothing;
  let waiting = 0;
  stream.onData = (got) => {
    waiting -= got.byteLength;
    if (waiting <= 0) arrived();
  };
  stream.write(Buffer.from([echoMark]));
  const tookMs: number[] = [];
  for (let now = performance.now(); now < until; ) {
    const sentAt = now;
    waiting = bytes.byteLength;
    const back = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    stream.write(bytes);
    await back;
    now = performance.now();
    if (sentAt >= from) tookMs.push(now - sentAt);
  }
  return tookMs.sort((a, b) => a - b);
}
