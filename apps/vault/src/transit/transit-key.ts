import type {
  Envelope,
  TransitKeyConfigured,
  TransitKeyCreated,
  TransitKeyRotated,
  TransitKeyType,
} from '@gatehouse/contracts';
import type { Decider } from '@gatehouse/event-store';

export interface KeyVersion {
  readonly createdAt: string;
  readonly publicKey?: string | undefined;
}

export interface PresentKey {
  readonly status: 'present';
  readonly keyId: string;
  readonly type: TransitKeyType;
  readonly derived: boolean;
  readonly latest: number;
  readonly minDecryptionVersion: number;
  /** 0: the latest only. */
  readonly minEncryptionVersion: number;
  readonly deletionAllowed: boolean;
  readonly versions: Readonly<Record<number, KeyVersion>>;
}

export type TransitKey = { readonly status: 'absent' } | PresentKey;

const absent: TransitKey = { status: 'absent' };

export const transitKeyDecider: Decider<TransitKey> = { initialState: absent, evolve };

function evolve(key: TransitKey, { type, data, occurredAt: createdAt }: Envelope): TransitKey {
  if (type === 'transit_key.created') {
    const { keyId, type: keyType, derived, version, publicKey } = data as unknown as TransitKeyCreated;
    const versions = { [version]: { createdAt, publicKey } };
    const settings = { minDecryptionVersion: 1, minEncryptionVersion: 0, deletionAllowed: false };
    return { status: 'present', keyId, type: keyType, derived, latest: version, versions, ...settings };
  }
  if (key.status === 'absent') return key;
  switch (type) {
    case 'transit_key.rotated': {
      const { version, publicKey } = data as unknown as TransitKeyRotated;
      return { ...key, latest: version, versions: { ...key.versions, [version]: { createdAt, publicKey } } };
    }
    case 'transit_key.configured': {
      const { minDecryptionVersion, minEncryptionVersion, deletionAllowed } = data as unknown as TransitKeyConfigured;
      return { ...key, minDecryptionVersion, minEncryptionVersion, deletionAllowed };
    }
    case 'transit_key.deleted':
      return absent;
    default:
      return key;
  }
}
