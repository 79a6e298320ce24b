import type { SecretMetadataChanged } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { changedSettings, type Secret, type SettingsChange, unset } from '../secret.js';

export interface PutMetadata extends SettingsChange {
  readonly path: string;
  readonly newSecretId: string;
  /** Keyed digest of the custom metadata; null for none; absent: as it is. */
  readonly customMetadata?: string | null | undefined;
}

/** What is not given stays. A path that has no secret yet gets one without versions. */
export const putMetadata =
  ({ path, newSecretId, customMetadata, ...change }: PutMetadata) =>
  (secret: Secret): readonly NewEvent[] => {
    const before = secret.status === 'present' ? secret : { ...unset, customMetadata: null, secretId: newSecretId };
    const after = {
      ...changedSettings(before, change),
      customMetadata: customMetadata === undefined ? before.customMetadata : customMetadata,
    };
    const isSame = (Object.keys(after) as (keyof typeof after)[]).every((name) => after[name] === before[name]);
    if (isSame && secret.status === 'present') return [];
    const data: Omit<SecretMetadataChanged, 'state'> = { path, secretId: before.secretId, ...after };
    return [{ type: 'secret.metadata_changed', version: 1, data }];
  };
