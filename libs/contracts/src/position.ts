/**
 * Where an event stands in its service's log: the transaction that wrote it, then its sequence number.
 * Sequence numbers are handed out before commit, so only this pair, read up to the oldest running transaction,
 * is an order in which nothing can appear behind a reader.
 */
export interface Position {
  readonly tx: bigint;
  readonly seq: bigint;
}

export const startPosition: Position = { tx: 0n, seq: 0n };

export const comparePositions = (a: Position, b: Position): number =>
  a.tx === b.tx ? Number(a.seq > b.seq) - Number(a.seq < b.seq) : a.tx > b.tx ? 1 : -1;

/** `"<tx>.<seq>"`, the text form in messages, HTTP and tables. */
export const formatPosition = (p: Position): string => `${p.tx}.${p.seq}`;

const positionPattern = /^(\d{1,20})\.(\d{1,19})$/;

/** Reverse of {@link formatPosition}. Throws `RangeError` on any other text. */
export function parsePosition(text: string): Position {
  const match = positionPattern.exec(text);
  if (!match?.[1] || !match[2]) throw new RangeError(`not a position: ${JSON.stringify(text.slice(0, 40))}`);
  return { tx: BigInt(match[1]), seq: BigInt(match[2]) };
}
