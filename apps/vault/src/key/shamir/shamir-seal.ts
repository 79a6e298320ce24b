import { generateKeySync, type KeyObject, randomBytes } from 'node:crypto';
import { keyOfBytes, type RootKey, rootKeyOf, unwrapKey, wrapKey, wrappedUnder } from '@gatehouse/crypto';
import { defineProblems, ProblemError } from '@gatehouse/http';
import { combine, split } from 'shamir-secret-sharing';
import type { Seal, SealFacts, StoreRewrapped } from '../seal.js';
import { parseShare, shareText } from './share.js';

defineProblems({
  shares_wrong: { status: 400, title: 'These shares do not open the seal together' },
  unseal_throttled: { status: 429, title: 'Too many wrong attempts to unseal' },
  sealed_by_shares: { status: 503, title: 'The seal waits for shares' },
});

export const shareLimits = { min: 2, max: 32 } as const;

/** After so many wrong attempts in a row each further one makes the next wait longer, up to the longest. */
const freeAttempts = 3;
const longestWaitMs = 60_000;

export interface ShareProgress {
  /** Shares that are there. */
  readonly progress: number;
  /** Changes when what was brought is thrown away; empty while nothing was. */
  readonly nonce: string;
}

/**
 * The key of the seal is split among people (Shamir, any `threshold` of `shares`; the algorithm is that of an audited
 * library). It is nowhere on disk: they bring their shares to each process, after each of its starts.
 */
export class ShamirSeal implements Seal {
  readonly kind = 'shamir';
  #key: RootKey | undefined;
  /** By the last byte, the coordinate that differs between the shares of a set. */
  #collected = new Map<number, Uint8Array>();
  #nonce = '';
  #wrongAttempts = 0;
  #nextAttemptAt = 0;

  constructor(private readonly now: () => number = Date.now) {}

  get ready(): boolean {
    return this.#key !== undefined;
  }

  get collected(): ShareProgress {
    return { progress: this.#collected.size, nonce: this.#nonce };
  }

  wrap = async (rootKey: KeyObject, context: string): Promise<Buffer> => wrapKey(this.#required(), rootKey, context);

  async unwrap(wrapped: Uint8Array, context: string): Promise<KeyObject> {
    return unwrapKey(this.#required(), wrapped, context);
  }

  /** The key stays with who made it only until the shares of the new set are asked for: after a start of the vault. */
  async rekey(wanted: SealFacts, store: StoreRewrapped): Promise<readonly string[]> {
    const made = rootKeyOf(generateKeySync('aes', { length: 256 }));
    const shares = await sharesOf(made, wanted);
    // COMMIT POINT: from here on the former shares open nothing.
    await store(async (rootKey, context) => wrapKey(made, rootKey, context), wanted);
    this.#key = made;
    return shares;
  }

  /**
   * One share more; true when the seal is open. `wrapped` is the root key that `threshold` of them have to open.
   *
   * @throws ProblemError `share_malformed`, `share_of_other_set`, `shares_wrong`, `unseal_throttled`
   */
  async offer(text: string, threshold: number, wrapped: Uint8Array, context: string): Promise<boolean> {
    this.#refuseTooMany();
    const share = parseShare(text, wrappedUnder(wrapped));
    if (this.#collected.size === 0) this.#nonce = randomBytes(16).toString('hex');
    // The same share twice is one.
    this.#collected.set(share.at(-1) as number, share);
    if (this.#collected.size < threshold) return false;
    await this.#open(wrapped, context);
    return true;
  }

  /** Throws away what was brought. */
  reset(): void {
    for (const share of this.#collected.values()) share.fill(0);
    this.#collected.clear();
    this.#nonce = '';
  }

  /** What was brought of shares stays: people bring the others when they can, and it opens nothing. */
  forget(): void {
    this.#key = undefined;
  }

  async #open(wrapped: Uint8Array, context: string): Promise<void> {
    const bytes = await combine([...this.#collected.values()]);
    this.reset();
    const key = rootKeyOf(keyOfBytes(bytes));
    try {
      unwrapKey(key, wrapped, context);
    } catch (error) {
      this.#wrongAttempts++;
      const wait = Math.min(longestWaitMs, 1_000 * 2 ** Math.max(0, this.#wrongAttempts - freeAttempts));
      if (this.#wrongAttempts >= freeAttempts) this.#nextAttemptAt = this.now() + wait;
      throw new ProblemError('shares_wrong', 'One of them is wrong, or the stored root key is: begin again', {
        cause: error,
      });
    }
    this.#wrongAttempts = 0;
    this.#key = key;
  }

  #refuseTooMany(): void {
    const waitMs = this.#nextAttemptAt - this.now();
    if (waitMs > 0)
      throw new ProblemError('unseal_throttled', undefined, { retryAfterSeconds: Math.ceil(waitMs / 1_000) });
  }

  #required(): RootKey {
    if (!this.#key) throw new ProblemError('sealed_by_shares');
    return this.#key;
  }
}

async function sharesOf({ id, key }: RootKey, { shares = 0, threshold = 0 }: SealFacts): Promise<readonly string[]> {
  const bytes = key.export();
  const parts = await split(new Uint8Array(bytes), shares, threshold);
  bytes.fill(0);
  const texts = parts.map((part) => shareText(id, part));
  for (const part of parts) part.fill(0);
  return texts;
}
