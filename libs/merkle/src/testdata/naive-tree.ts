import { createHash } from 'node:crypto';

/**
 * RFC 6962 section 2.1 word for word, recursive, with its own hashing: the yardstick for the real tree. Roots are
 * remembered, else a log of 70,000 leaves would take minutes.
 */
export class NaiveTree {
  readonly #known = new Map<string, Uint8Array>();

  constructor(readonly leafHashes: readonly Uint8Array[]) {}

  root(start: number, end: number): Uint8Array {
    const leaves = end - start;
    if (leaves === 0) return createHash('sha256').digest();
    if (leaves === 1) return this.leafHashes[start] ?? new Uint8Array();
    const known = this.#known.get(`${start}-${end}`);
    if (known !== undefined) return known;
    const k = largestPowerBelow(leaves);
    const children = [this.root(start, start + k), this.root(start + k, end)];
    const hash = createHash('sha256').update(Uint8Array.of(1)).update(Buffer.concat(children)).digest();
    this.#known.set(`${start}-${end}`, hash);
    return hash;
  }

  /** PATH(m, D[start:end]), m counted from start. */
  path(m: number, start: number, end: number): Uint8Array[] {
    if (end - start === 1) return [];
    const k = largestPowerBelow(end - start);
    return m < k
      ? [...this.path(m, start, start + k), this.root(start + k, end)]
      : [...this.path(m - k, start + k, end), this.root(start, start + k)];
  }

  /** PROOF(m, D[0:n]). */
  proof(m: number, n: number): Uint8Array[] {
    return this.#subproof(m, 0, n, true);
  }

  #subproof(m: number, start: number, end: number, complete: boolean): Uint8Array[] {
    if (m === end - start) return complete ? [] : [this.root(start, end)];
    const k = largestPowerBelow(end - start);
    return m <= k
      ? [...this.#subproof(m, start, start + k, complete), this.root(start + k, end)]
      : [...this.#subproof(m - k, start + k, end, false), this.root(start, start + k)];
  }
}

function largestPowerBelow(n: number): number {
  return 2 ** (Math.ceil(Math.log2(n)) - 1);
}
