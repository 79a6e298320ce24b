import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** What an attacker, or a broken device, may do differently from an authenticator that follows the rules. */
export interface Deviation {
  readonly origin?: string;
  readonly rpId?: string;
  readonly userVerified?: boolean;
  readonly userPresent?: boolean;
  readonly counter?: number;
  readonly challenge?: string;
  readonly type?: string;
  readonly userHandle?: string;
  /** Signs with this key instead of its own. */
  readonly key?: KeyObject;
}

interface Options {
  readonly challenge: string;
  readonly user?: { readonly id: string };
}

/** A passkey in software (WebAuthn level 2, packed by hand): ES256, attestation `none`. */
export class SoftwareAuthenticator {
  readonly id = randomBytes(32).toString('base64url');
  readonly privateKey: KeyObject;
  readonly #publicKey: KeyObject;
  readonly #origin: string;
  userHandle = '';
  counter = 0;

  constructor(origin: string) {
    this.#origin = origin;
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.privateKey = privateKey;
    this.#publicKey = publicKey;
  }

  create({ challenge, user }: Options, deviation: Deviation = {}) {
    this.userHandle = user?.id ?? '';
    const authData = Buffer.concat([this.#authenticatorData(0x40, deviation), this.#credentialData()]);
    return {
      id: this.id,
      rawId: this.id,
      type: 'public-key',
      response: {
        clientDataJSON: this.#clientData(deviation.type ?? 'webauthn.create', challenge, deviation).toString(
          'base64url',
        ),
        attestationObject: cborMap([
          [cborText('fmt'), cborText('none')],
          [cborText('attStmt'), cborMap([])],
          [cborText('authData'), cborBytes(authData)],
        ]).toString('base64url'),
        transports: ['internal'],
      },
    };
  }

  get({ challenge }: Options, deviation: Deviation = {}) {
    this.counter = deviation.counter ?? this.counter + 1;
    const authenticatorData = this.#authenticatorData(0, deviation);
    const clientData = this.#clientData(deviation.type ?? 'webauthn.get', challenge, deviation);
    const signed = Buffer.concat([authenticatorData, createHash('sha256').update(clientData).digest()]);
    return {
      id: this.id,
      rawId: this.id,
      type: 'public-key',
      response: {
        clientDataJSON: clientData.toString('base64url'),
        authenticatorData: authenticatorData.toString('base64url'),
        signature: sign('sha256', signed, deviation.key ?? this.privateKey).toString('base64url'),
        ...((deviation.userHandle ?? this.userHandle) && { userHandle: deviation.userHandle ?? this.userHandle }),
      },
    };
  }

  #clientData(type: string, challenge: string, deviation: Deviation): Buffer {
    const origin = deviation.origin ?? this.#origin;
    return Buffer.from(
      JSON.stringify({ type, challenge: deviation.challenge ?? challenge, origin, crossOrigin: false }),
    );
  }

  /** Hash of the host, flags, counter (WebAuthn, 6.1). */
  #authenticatorData(more: number, { rpId, userVerified = true, userPresent = true }: Deviation): Buffer {
    const hash = createHash('sha256')
      .update(rpId ?? new URL(this.#origin).hostname)
      .digest();
    const flags = Buffer.from([(userPresent ? 1 : 0) | (userVerified ? 4 : 0) | more]);
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(this.counter);
    return Buffer.concat([hash, flags, counter]);
  }

  /** Model (none), id and COSE key (RFC 9053, 2.1 and 7.1.1). */
  #credentialData(): Buffer {
    const { x = '', y = '' } = this.#publicKey.export({ format: 'jwk' });
    const id = Buffer.from(this.id, 'base64url');
    const length = Buffer.alloc(2);
    length.writeUInt16BE(id.length);
    const key = cborMap([
      [cborInteger(1), cborInteger(2)],
      [cborInteger(3), cborInteger(-7)],
      [cborInteger(-1), cborInteger(1)],
      [cborInteger(-2), cborBytes(Buffer.from(x, 'base64url'))],
      [cborInteger(-3), cborBytes(Buffer.from(y, 'base64url'))],
    ]);
    return Buffer.concat([Buffer.alloc(16), length, id, key]);
  }
}

/** The few kinds of CBOR (RFC 8949) that are needed. */
const head = (kind: number, n: number): Buffer => {
  if (n < 24) return Buffer.from([(kind << 5) | n]);
  return n < 256 ? Buffer.from([(kind << 5) | 24, n]) : Buffer.from([(kind << 5) | 25, n >> 8, n & 255]);
};
const cborInteger = (n: number): Buffer => (n < 0 ? head(1, -1 - n) : head(0, n));
const cborBytes = (bytes: Buffer): Buffer => Buffer.concat([head(2, bytes.length), bytes]);
const cborText = (text: string): Buffer => Buffer.concat([head(3, text.length), Buffer.from(text)]);
const cborMap = (entries: readonly (readonly [Buffer, Buffer])[]): Buffer =>
  Buffer.concat([head(5, entries.length), ...entries.flat()]);
