import { copyOf, NoiseError, type Primitives, tagBytes } from './noise.js';

const empty = new Uint8Array(0);

/** Four zero bytes and the counter, little endian (Noise 12, ChaChaPoly). */
export function nonceOf(counter: number): Uint8Array {
  const nonce = new Uint8Array(12);
  const view = new DataView(nonce.buffer);
  view.setUint32(4, counter % 2 ** 32, true);
  view.setUint32(8, Math.floor(counter / 2 ** 32), true);
  return nonce;
}

/** What a handshake has said so far: its hash, its chaining key, and the key of the next sealed part (Noise 5.2). */
export class SymmetricState {
  readonly #primitives: Primitives;
  #chainingKey: Uint8Array;
  #hash: Uint8Array;
  #key: Uint8Array | undefined;
  #counter = 0;

  /** @param protocolName longer than a hash, as ours is */
  constructor(protocolName: string, primitives: Primitives) {
    this.#primitives = primitives;
    this.#hash = primitives.hash(new TextEncoder().encode(protocolName), empty);
    this.#chainingKey = this.#hash;
  }

  get hash(): Uint8Array {
    return this.#hash;
  }

  mixHash(data: Uint8Array): void {
    this.#hash = this.#primitives.hash(this.#hash, data);
  }

  mixKey(material: Uint8Array): void {
    [this.#chainingKey, this.#key] = this.#deriveTwo(material);
    this.#counter = 0;
  }

  sealAndMix(plain: Uint8Array): Uint8Array {
    const sealed = new Uint8Array(plain.length + tagBytes);
    this.#primitives.seal(this.#place(), plain, sealed, 0);
    this.mixHash(sealed);
    return sealed;
  }

  /** @throws NoiseError `handshake_failed` */
  openAndMix(sealed: Uint8Array): Uint8Array {
    const plain = this.#primitives.open(this.#place(), sealed);
    if (!plain) throw new NoiseError('handshake_failed');
    this.mixHash(sealed);
    return copyOf(plain);
  }

  /** Keys of the initiator's and of the responder's direction (Noise 5.2, Split). */
  split(): readonly [Uint8Array, Uint8Array] {
    return this.#deriveTwo(empty);
  }

  /** Two keys from the chaining key and what is mixed into it (Noise 4.3, HKDF). */
  #deriveTwo(material: Uint8Array): readonly [Uint8Array, Uint8Array] {
    const { authenticate } = this.#primitives;
    const prk = authenticate(this.#chainingKey, material);
    const first = authenticate(prk, Uint8Array.of(1));
    return [first, authenticate(prk, Uint8Array.of(...first, 2))];
  }

  #place() {
    // In IK the first token is mixed in before anything is sealed.
    if (!this.#key) throw new NoiseError('out_of_turn');
    return { key: this.#key, nonce: nonceOf(this.#counter++), additionalData: this.#hash };
  }
}
