import { createPublicKey, type KeyObject } from 'node:crypto';
import { formatVkey, type NoteSigner, type NoteVerifier, noteSigner, noteVerifier } from '@gatehouse/merkle';

/** Who the ledger is: its name and its public key. */
export interface LogIdentity {
  readonly origin: string;
  readonly publicKey: KeyObject;
  readonly verifier: NoteVerifier;
  /** The public key as one line of text. */
  readonly vkey: string;
}

/** The one that signs for the ledger. */
export interface LogKey extends LogIdentity {
  readonly privateKey: KeyObject;
  readonly signer: NoteSigner;
}

/** @throws RangeError for an origin that the note format forbids */
export function logKey(origin: string, privateKey: KeyObject): LogKey {
  const publicKey = createPublicKey(privateKey);
  const vkey = formatVkey(origin, publicKey);
  return { origin, privateKey, publicKey, vkey, signer: noteSigner(origin, privateKey), verifier: noteVerifier(vkey) };
}

/** The ledger that a public key speaks for. @throws FormatError unless the text is a vkey */
export function logIdentity(vkey: string): LogIdentity {
  const verifier = noteVerifier(vkey);
  // `<name>+<key id>+<base64>`: the base64 may hold a plus of its own.
  const encoded = vkey.slice(verifier.name.length + verifier.keyId.length + 2);
  const x = Buffer.from(encoded, 'base64').subarray(1).toString('base64url');
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return { origin: verifier.name, publicKey, verifier, vkey };
}
