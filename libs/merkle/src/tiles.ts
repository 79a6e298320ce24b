import { FormatError } from './errors.js';
import { HASH_BYTES } from './hash.js';

/** Hashes in a full tile, and entries in a full bundle (c2sp.org/tlog-tiles: tiles of height 8). */
export const TILE_WIDTH = 256;
/** Bytes of a full tile. */
export const TILE_BYTES = TILE_WIDTH * HASH_BYTES;
/** Bytes of the longest entry an entry bundle can hold: its length is a uint16. */
export const MAX_BUNDLE_ENTRY_BYTES = 65_535;

/**
 * A tile, full or partial: hashes `index * 256` to `index * 256 + width` of row `level`. Hash `i` of row `level` is the root
 * of the leaves `i * 256 ** level` to `(i + 1) * 256 ** level` (c2sp.org/tlog-tiles, "Merkle Tree").
 */
export interface TileRef {
  readonly level: number;
  readonly index: number;
  /** 1 to 256; 256 is a full tile. */
  readonly width: number;
}

/** A full tile as it is stored: written once, never changed. */
export interface Tile {
  readonly level: number;
  readonly index: number;
  /** 256 hashes, 8,192 bytes. */
  readonly hashes: Uint8Array;
  /** The tile's own root: hash number `index` of row `level + 1`. Kept with the tile, it makes that row cheap to read. */
  readonly root: Uint8Array;
}

/** What a path below a log's prefix asks for. */
export type TilePath =
  | ({ readonly kind: 'hashes' } & TileRef)
  | { readonly kind: 'entries'; readonly index: number; readonly width: number };

/**
 * The partial tiles at the right edge of a log, lowest level first: all that a log of `size` leaves has beside its full tiles.
 *
 * @param size leaves in the log
 * @example edgeTiles(70_000) // widths 112, 17 and 1 at levels 0, 1 and 2
 */
export function edgeTiles(size: number): TileRef[] {
  const tiles: TileRef[] = [];
  for (let level = 0, row = size; row > 0; level++, row = Math.floor(row / TILE_WIDTH)) {
    const width = row % TILE_WIDTH;
    if (width > 0) tiles.push({ level, index: Math.floor(row / TILE_WIDTH), width });
  }
  return tiles;
}

function indexPath(index: number): string {
  let path = String(index % 1000).padStart(3, '0');
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    path = `x${String(rest % 1000).padStart(3, '0')}/${path}`;
  }
  return path;
}

/**
 * Path of a tile or entry bundle below the log's prefix (c2sp.org/tlog-tiles).
 *
 * @throws RangeError when level, index or width are outside the format
 * @example tilePath({ kind: 'hashes', level: 0, index: 1_234_067, width: 112 }) // 'tile/0/x001/x234/067.p/112'
 */
export function tilePath(tile: TilePath): string {
  const level = tile.kind === 'entries' ? 0 : tile.level;
  const inRange =
    Number.isInteger(level) && level >= 0 && level <= 63 && Number.isSafeInteger(tile.index) && tile.index >= 0;
  const widthInRange = Number.isInteger(tile.width) && tile.width >= 1 && tile.width <= TILE_WIDTH;
  if (!inRange || !widthInRange) throw new RangeError('no such tile');
  const row = tile.kind === 'entries' ? 'entries' : String(level);
  return `tile/${row}/${indexPath(tile.index)}${tile.width === TILE_WIDTH ? '' : `.p/${tile.width}`}`;
}

const TILE_PATH = /^tile\/(entries|[0-9]{1,2})\/((?:x[0-9]{3}\/)*)([0-9]{3})(?:\.p\/([0-9]{1,3}))?$/;

/**
 * The tile a path asks for; `undefined` for any path that {@link tilePath} would not write.
 *
 * @example parseTilePath('tile/entries/x001/000') // { kind: 'entries', index: 1000, width: 256 }
 */
export function parseTilePath(path: string): TilePath | undefined {
  const match = TILE_PATH.exec(path);
  if (match === null) return undefined;
  const [, row = '', groups = '', last = '', partial] = match;
  const index = Number(groups.replaceAll(/[x/]/g, '') + last);
  const width = partial === undefined ? TILE_WIDTH : Number(partial);
  if (!Number.isSafeInteger(index) || width < 1 || (partial !== undefined && width >= TILE_WIDTH)) return undefined;
  const tile: TilePath =
    row === 'entries' ? { kind: 'entries', index, width } : { kind: 'hashes', level: Number(row), index, width };
  if (tile.kind === 'hashes' && tile.level > 63) return undefined;
  return tilePath(tile) === path ? tile : undefined;
}

/**
 * An entry bundle: every entry after its length as a big-endian uint16 (c2sp.org/tlog-tiles, "Log entries").
 *
 * @param entries at most 256 entries of at most 65,535 bytes
 * @throws RangeError when there are more or longer ones
 * @example encodeBundle([Uint8Array.of(7)]) // 00 01 07
 */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  if (entries.length > TILE_WIDTH) throw new RangeError('a bundle holds at most 256 entries');
  const tooLong = entries.some((entry) => entry.length > MAX_BUNDLE_ENTRY_BYTES);
  if (tooLong) throw new RangeError('an entry of a bundle has at most 65535 bytes');
  const bundle = new Uint8Array(entries.reduce((sum, entry) => sum + 2 + entry.length, 0));
  let at = 0;
  for (const entry of entries) {
    bundle[at] = entry.length >> 8;
    bundle[at + 1] = entry.length & 0xff;
    bundle.set(entry, at + 2);
    at += 2 + entry.length;
  }
  return bundle;
}

/**
 * The entries of a bundle, as views into it.
 *
 * @throws FormatError when the bytes end inside an entry or hold more than 256 of them
 * @example decodeBundle(Uint8Array.of(0, 1, 7)) // [Uint8Array [7]]
 */
export function decodeBundle(bundle: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = [];
  let at = 0;
  while (at < bundle.length) {
    const [high, low] = [bundle[at], bundle[at + 1]];
    if (high === undefined || low === undefined) throw new FormatError('the bundle ends inside a length');
    const end = at + 2 + high * 256 + low;
    if (end > bundle.length) throw new FormatError('the bundle ends inside an entry');
    if (entries.length === TILE_WIDTH) throw new FormatError('the bundle has more than 256 entries');
    entries.push(bundle.subarray(at + 2, end));
    at = end;
  }
  return entries;
}
