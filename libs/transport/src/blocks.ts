const smallestBlock = 2_048;
const largestBlock = 262_144;
/** Of all sizes together, at most. */
const maxSpareBytes = 32 << 20;
const lookMs = 1_000;

/** Blocks of one size that nobody needs at the moment. */
interface Shelf {
  readonly spare: Buffer[];
  /** How few there were since we looked last: so many were not needed. */
  least: number;
}

const shelves: readonly Shelf[] = Array.from({ length: Math.log2(largestBlock / smallestBlock) + 1 }, () => ({
  spare: [],
  least: 0,
}));
let spareBytes = 0;
let looking: NodeJS.Timeout | undefined;

const placeOf = (bytes: number): number => Math.max(0, 32 - Math.clz32((bytes - 1) >>> 0) - Math.log2(smallestBlock));

/**
 * Memory for at least so many bytes, of 256 KiB at most, with whatever stood there before. Who carries much uses the same blocks
 * over and over: new memory each time would keep the collector busy.
 */
export function takeBlock(bytes: number): Buffer {
  const place = placeOf(bytes);
  const shelf = shelves[place];
  if (!shelf) throw new RangeError(`at most ${largestBlock} bytes`);
  const block = shelf.spare.pop();
  if (!block) return Buffer.allocUnsafeSlow(smallestBlock << place);
  spareBytes -= block.length;
  if (shelf.spare.length < shelf.least) shelf.least = shelf.spare.length;
  return block;
}

/** To be called by its last user: the next one writes into it. What {@link takeBlock} would not make is left to the collector. */
export function giveBlock(block: Uint8Array): void {
  const { byteLength } = block;
  const place = placeOf(byteLength);
  const shelf = shelves[place];
  const isWhole = byteLength === smallestBlock << place && block.buffer.byteLength === byteLength;
  if (!shelf || !isWhole || spareBytes + byteLength > maxSpareBytes) return;
  shelf.spare.push(block as Buffer);
  spareBytes += byteLength;
  looking ??= setInterval(look, lookMs).unref();
}

/** Gives back to the system what nobody needed for a while. */
function look(): void {
  for (const [place, shelf] of shelves.entries()) {
    shelf.spare.splice(0, shelf.least);
    spareBytes -= shelf.least * (smallestBlock << place);
    shelf.least = shelf.spare.length;
  }
  if (spareBytes > 0) return;
  clearInterval(looking);
  looking = undefined;
}
