import { createSecretKey, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ShamirSeal } from './shamir-seal.js';
import { parseShare, shareText } from './share.js';

const context = 'root';
const rootKey = createSecretKey(randomBytes(32));

async function splitInto(shares: number, threshold: number, now: () => number = () => 0) {
  const seal = new ShamirSeal(now);
  let wrapped: Buffer = Buffer.alloc(0);
  const texts = await seal.rekey({ shares, threshold }, async (wrap) => {
    wrapped = await wrap(rootKey, context);
  });
  seal.forget();
  const offer = (text: string) => seal.offer(text, threshold, wrapped, context);
  return { seal, texts, wrapped, offer };
}

/** The same text with another share in it, as if its holder had another one. */
function forged(text: string): string {
  const setId = Buffer.from(text.slice(4), 'base64url').subarray(1, 9).toString('hex');
  const share = parseShare(text, setId);
  share[0] = (share[0] as number) ^ 1;
  return shareText(setId, share);
}

describe('the seal `shamir`', () => {
  it('opens with any threshold of its shares, in any order, and with no fewer', async () => {
    const split = fc.integer({ min: 2, max: 7 }).chain((shares) =>
      fc.tuple(fc.constant(shares), fc.integer({ min: 2, max: shares })).chain(([n, k]) =>
        fc.tuple(
          fc.constant([n, k] as const),
          fc.shuffledSubarray(
            Array.from({ length: n }, (_, i) => i),
            { minLength: k, maxLength: k },
          ),
        ),
      ),
    );
    await fc.assert(
      fc.asyncProperty(split, async ([[n, k], chosen]) => {
        const { seal, texts, offer, wrapped } = await splitInto(n, k);
        expect(new Set(texts).size).toBe(n);
        for (const [i, at] of chosen.entries()) {
          expect(seal.ready).toBe(false);
          expect(await offer(texts[at] as string)).toBe(i === k - 1);
        }
        expect((await seal.unwrap(wrapped, context)).equals(rootKey)).toBe(true);
        expect(seal.collected).toEqual({ progress: 0, nonce: '' });
      }),
      { numRuns: 20 },
    );
  });

  it('counts the same share once, and says how far it is', async () => {
    const { seal, texts, offer } = await splitInto(3, 2);
    expect(await offer(texts[0] as string)).toBe(false);
    expect(await offer(texts[0] as string)).toBe(false);
    expect(seal.collected).toEqual({ progress: 1, nonce: expect.stringMatching(/^[0-9a-f]{32}$/) });
    seal.reset();
    expect(seal.collected).toEqual({ progress: 0, nonce: '' });
    await offer(texts[1] as string);
    expect(await offer(texts[2] as string)).toBe(true);
  });

  it('with a wrong share among them begins again, and slows down who goes on with it', async () => {
    let now = 1_000;
    const { seal, texts, offer } = await splitInto(3, 2, () => now);
    const [first, second] = texts as [string, string];
    const wrong = async () => {
      await offer(first);
      return offer(forged(second));
    };
    for (let i = 0; i < 3; i++) {
      await expect(wrong()).rejects.toMatchObject({ code: 'shares_wrong' });
      expect(seal.ready).toBe(false);
      expect(seal.collected.progress).toBe(0);
    }
    await expect(offer(first)).rejects.toMatchObject({ code: 'unseal_throttled', options: { retryAfterSeconds: 1 } });
    now += 1_000;
    await expect(wrong()).rejects.toMatchObject({ code: 'shares_wrong' });
    now += 1_999;
    await expect(offer(first)).rejects.toMatchObject({ code: 'unseal_throttled' });
    now += 1;
    await offer(first);
    expect(await offer(second)).toBe(true);
  });

  it('refuses shares of a set that was replaced', async () => {
    const former = await splitInto(3, 2);
    const present = await splitInto(3, 2);
    await expect(present.offer(former.texts[0] as string)).rejects.toMatchObject({ code: 'share_of_other_set' });
  });

  it('wraps and unwraps nothing before, and nothing after it forgot', async () => {
    const { seal, texts, offer, wrapped } = await splitInto(2, 2);
    const refused = { code: 'sealed_by_shares', status: 503 };
    await expect(seal.wrap(rootKey, context)).rejects.toMatchObject(refused);
    for (const text of texts) await offer(text);
    await seal.wrap(rootKey, context);
    seal.forget();
    await expect(seal.unwrap(wrapped, context)).rejects.toMatchObject(refused);
  });

  it('does not take a changed root key for wrong arithmetic: it stays shut', async () => {
    const { seal, texts, wrapped } = await splitInto(2, 2);
    const changed = Buffer.from(wrapped);
    changed[40] = (changed[40] as number) ^ 1;
    await seal.offer(texts[0] as string, 2, changed, context);
    await expect(seal.offer(texts[1] as string, 2, changed, context)).rejects.toMatchObject({ code: 'shares_wrong' });
    expect(seal.ready).toBe(false);
  });
});
