import type { Command } from '../command.js';
import { blastRadius } from '../disclosure/blast-radius.js';
import { findSecret } from '../disclosure/find-secret.js';
import { listReaders } from '../disclosure/readers.js';
import { rotateSecrets } from '../disclosure/rotate-secrets.js';
import { deleteSecret, destroySecret, undeleteSecret } from './change-versions.js';
import { secretMetadata } from './metadata.js';
import { mountSecrets } from './mount/mount.js';
import { getSecret, listSecrets, listVersions } from './read-commands.js';
import { exportSecrets } from './transfer/export-secrets.js';
import { importSecrets } from './transfer/import-secrets.js';
import { patchSecret, putSecret } from './write-commands.js';

export const secretCommands: readonly Command[] = [
  ...[listSecrets, getSecret, putSecret, patchSecret, deleteSecret, undeleteSecret, destroySecret],
  ...[findSecret, listReaders, blastRadius, rotateSecrets],
  ...[listVersions, secretMetadata, mountSecrets, importSecrets, exportSecrets],
];
