import type { KeyObject } from 'node:crypto';

export const sealKinds = ['file', 'env', 'shamir', 'aws-kms'] as const;
export type SealKind = (typeof sealKinds)[number];

/** What a seal needs to know and everybody may; kept beside the wrapped root key. */
export interface SealFacts {
  readonly shares?: number | undefined;
  readonly threshold?: number | undefined;
}

export type Wrap = (rootKey: KeyObject, context: string) => Promise<Buffer>;

/** Stores every root key as `wrap` gives it, in one transaction: after it the former keys or shares open nothing. */
export type StoreRewrapped = (wrap: Wrap, facts: SealFacts) => Promise<void>;

/**
 * What the root key is sealed with. A token of PKCS #11 would be one more of these: it wraps and unwraps 32 bytes
 * (docs/adr/0018 says what is missing for it).
 */
export interface Seal {
  readonly kind: SealKind;
  /** False while people have to bring what opens it. */
  readonly ready: boolean;
  /** Makes a missing key of the seal's own. Called only when nothing was ever sealed: a new key opens nothing old. */
  create?(): void;
  readonly wrap: Wrap;
  /** @throws CryptoError `wrong_key`, `not_authentic`, `malformed`, or what keeps the seal's own key away */
  unwrap(wrapped: Uint8Array, context: string): Promise<KeyObject>;
  /** New keys or shares of the same seal. Answers shares to hand out, once. Absent where the seal's key is not ours to make. */
  rekey?(wanted: SealFacts, store: StoreRewrapped): Promise<readonly string[]>;
  /** Drops the key that was opened by what people brought. */
  forget(): void;
}
