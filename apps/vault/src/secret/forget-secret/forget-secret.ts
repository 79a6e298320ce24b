import type { NewEvent } from '@gatehouse/event-store';
import type { Secret } from '../secret.js';

/** All versions and the metadata. Nothing there is nothing to do. */
export const forgetSecret =
  (path: string) =>
  (secret: Secret): readonly NewEvent[] =>
    secret.status === 'absent'
      ? []
      : [{ type: 'secret.forgotten', version: 1, data: { path, secretId: secret.secretId } }];
