import type { TransitKeyType } from '@gatehouse/contracts';

interface Aead {
  readonly kind: 'aead';
  readonly cipher: 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305';
  readonly keyBytes: number;
}
interface Rsa {
  readonly kind: 'rsa';
  readonly bits: number;
}
interface Ecdsa {
  readonly kind: 'ecdsa';
  readonly curve: 'P-256' | 'P-384' | 'P-521';
}
interface Plain {
  readonly kind: 'ed25519' | 'hmac';
}
export type KeyKind = Aead | Rsa | Ecdsa | Plain;

/** Every type of key, as Vault names them. */
export const keyKinds: Readonly<Record<TransitKeyType, KeyKind>> = {
  'aes128-gcm96': { kind: 'aead', cipher: 'aes-128-gcm', keyBytes: 16 },
  'aes256-gcm96': { kind: 'aead', cipher: 'aes-256-gcm', keyBytes: 32 },
  'chacha20-poly1305': { kind: 'aead', cipher: 'chacha20-poly1305', keyBytes: 32 },
  ed25519: { kind: 'ed25519' },
  'ecdsa-p256': { kind: 'ecdsa', curve: 'P-256' },
  'ecdsa-p384': { kind: 'ecdsa', curve: 'P-384' },
  'ecdsa-p521': { kind: 'ecdsa', curve: 'P-521' },
  'rsa-2048': { kind: 'rsa', bits: 2048 },
  'rsa-3072': { kind: 'rsa', bits: 3072 },
  'rsa-4096': { kind: 'rsa', bits: 4096 },
  hmac: { kind: 'hmac' },
};

export const encrypts = (type: TransitKeyType): boolean => ['aead', 'rsa'].includes(keyKinds[type].kind);
export const signs = (type: TransitKeyType): boolean => ['rsa', 'ecdsa', 'ed25519'].includes(keyKinds[type].kind);
/** Keys from which one of its own is derived for every context. */
export const derives = (type: TransitKeyType): boolean => keyKinds[type].kind === 'aead';
