import { noblePrimitives } from './noble-primitives.js';
import { copyOf, type KeyPair, keyBytes, maxMessageBytes, NoiseError, type Primitives, tagBytes } from './noise.js';
import { SymmetricState } from './symmetric-state.js';
import { Transport, type TransportOptions } from './transport.js';

const protocolName = 'Noise_IK_25519_ChaChaPoly_BLAKE2s';
const sealedKeyBytes = keyBytes + tagBytes;

export interface HandshakeOptions {
  /** Own static key pair. */
  readonly static: KeyPair;
  /** What both sides must agree on beside the messages; empty unless given. */
  readonly prologue?: Uint8Array;
  readonly primitives?: Primitives;
  /** Drawn for this handshake unless a test vector gives it. */
  readonly ephemeral?: KeyPair;
  readonly limits?: TransportOptions;
}

type Turn = 'first' | 'second' | 'done' | 'failed';

/**
 * One side of a Noise IK handshake (Noise 7.5): the initiator knows the responder's static key and sends its own, sealed, with the
 * first payload; the answer completes it. A side that saw something wrong is of no use any more.
 *
 * The first payload can be replayed by whoever recorded it, so a responder does nothing for it before the first record of the
 * transport opens: only the holder of the initiator's keys can seal one.
 *
 * @example
 * const [device, client] = [noblePrimitives.generateKeyPair(), noblePrimitives.generateKeyPair()];
 * const [a, b] = [initiator({ static: client, remoteStatic: device.public }), responder({ static: device })];
 * b.read(a.write(new Uint8Array([1]))); // 1, and b.remoteStatic is the client's
 * a.read(b.write(new Uint8Array([2])));
 * const [sender, receiver] = [a.transport(), b.transport()];
 */
export abstract class Handshake {
  protected readonly state: SymmetricState;
  protected readonly own: KeyPair;
  protected readonly ephemeral: KeyPair;
  protected readonly primitives: Primitives;
  protected remoteEphemeral: Uint8Array = new Uint8Array(0);
  readonly #limits: TransportOptions;
  protected turn: Turn = 'first';

  protected constructor(options: HandshakeOptions, responderStatic: Uint8Array) {
    this.primitives = options.primitives ?? noblePrimitives;
    this.own = options.static;
    this.ephemeral = options.ephemeral ?? this.primitives.generateKeyPair();
    this.#limits = options.limits ?? {};
    this.state = new SymmetricState(protocolName, this.primitives);
    this.state.mixHash(options.prologue ?? new Uint8Array(0));
    this.state.mixHash(responderStatic);
  }

  /** The peer's static key: 32 bytes; of a responder's peer once the first message was read. */
  abstract get remoteStatic(): Uint8Array | undefined;

  /** The next message with `payload` sealed in it. @throws NoiseError `out_of_turn`, `message_too_long`, `handshake_failed` */
  abstract write(payload: Uint8Array): Uint8Array;
  /** The payload of the peer's next message. @throws NoiseError `handshake_failed`, `out_of_turn`, `message_too_long` */
  abstract read(message: Uint8Array): Uint8Array;

  /** What both sides share after the second message. @throws NoiseError `out_of_turn` before it */
  transport(): Transport {
    if (this.turn !== 'done') throw new NoiseError('out_of_turn');
    const [initiators, responders] = this.state.split();
    const isInitiator = this instanceof Initiator;
    return new Transport({
      sendKey: isInitiator ? initiators : responders,
      receiveKey: isInitiator ? responders : initiators,
      channelBinding: this.state.hash,
      primitives: this.primitives,
      ...this.#limits,
    });
  }

  protected mixAgreement(own: KeyPair, publicKey: Uint8Array): void {
    this.state.mixKey(this.primitives.agree(own, publicKey));
  }

  /** Runs one step in its turn; whatever goes wrong in it ends the handshake. */
  protected step<T>(from: Turn, to: Turn, work: () => T): T {
    if (this.turn !== from) throw new NoiseError('out_of_turn');
    this.turn = 'failed';
    const result = work();
    this.turn = to;
    return result;
  }
}

class Initiator extends Handshake {
  readonly remoteStatic: Uint8Array;

  constructor(options: InitiatorOptions) {
    super(options, options.remoteStatic);
    this.remoteStatic = options.remoteStatic;
  }

  write(payload: Uint8Array): Uint8Array {
    refuseLong(keyBytes + sealedKeyBytes + payload.length + tagBytes);
    return this.step('first', 'second', () => {
      this.state.mixHash(this.ephemeral.public);
      this.mixAgreement(this.ephemeral, this.remoteStatic);
      const sealedStatic = this.state.sealAndMix(this.own.public);
      this.mixAgreement(this.own, this.remoteStatic);
      return joined(this.ephemeral.public, sealedStatic, this.state.sealAndMix(payload));
    });
  }

  read(message: Uint8Array): Uint8Array {
    refuseOdd(message, keyBytes + tagBytes);
    return this.step('second', 'done', () => {
      this.remoteEphemeral = copyOf(message.subarray(0, keyBytes));
      this.state.mixHash(this.remoteEphemeral);
      this.mixAgreement(this.ephemeral, this.remoteEphemeral);
      this.mixAgreement(this.own, this.remoteEphemeral);
      return this.state.openAndMix(message.subarray(keyBytes));
    });
  }
}

class Responder extends Handshake {
  #remoteStatic: Uint8Array | undefined;

  constructor(options: HandshakeOptions) {
    super(options, options.static.public);
  }

  get remoteStatic(): Uint8Array | undefined {
    return this.#remoteStatic;
  }

  read(message: Uint8Array): Uint8Array {
    refuseOdd(message, keyBytes + sealedKeyBytes + tagBytes);
    return this.step('first', 'second', () => {
      this.remoteEphemeral = copyOf(message.subarray(0, keyBytes));
      this.state.mixHash(this.remoteEphemeral);
      this.mixAgreement(this.own, this.remoteEphemeral);
      const theirs = this.state.openAndMix(message.subarray(keyBytes, keyBytes + sealedKeyBytes));
      this.mixAgreement(this.own, theirs);
      const payload = this.state.openAndMix(message.subarray(keyBytes + sealedKeyBytes));
      this.#remoteStatic = theirs;
      return payload;
    });
  }

  write(payload: Uint8Array): Uint8Array {
    refuseLong(keyBytes + payload.length + tagBytes);
    return this.step('second', 'done', () => {
      this.state.mixHash(this.ephemeral.public);
      this.mixAgreement(this.ephemeral, this.remoteEphemeral);
      this.mixAgreement(this.ephemeral, this.#remoteStatic as Uint8Array);
      return joined(this.ephemeral.public, this.state.sealAndMix(payload));
    });
  }
}

export interface InitiatorOptions extends HandshakeOptions {
  /** Static public key of the responder, known beforehand: 32 bytes. */
  readonly remoteStatic: Uint8Array;
}

/** The side that speaks first, and knows whom to. */
export const initiator = (options: InitiatorOptions): Handshake => new Initiator(options);
/** The side that is spoken to. */
export const responder = (options: HandshakeOptions): Handshake => new Responder(options);

function refuseLong(length: number): void {
  if (length > maxMessageBytes) throw new NoiseError('message_too_long');
}

function refuseOdd(message: Uint8Array, least: number): void {
  refuseLong(message.length);
  if (message.length < least) throw new NoiseError('handshake_failed');
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
