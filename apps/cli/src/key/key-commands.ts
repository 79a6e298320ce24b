import type { Command } from '../command.js';
import { createKey } from './create-key.js';
import { findLeakedKey } from './find-key.js';
import { generateKey } from './generate-key.js';
import { importKeys } from './import-keys.js';
import { listKeys } from './list-keys.js';
import { rotateKey } from './rotate-key.js';
import { showKey } from './show-key.js';
import { disableKey, enableKey } from './switch-key.js';

export const keyCommands: readonly Command[] = [
  createKey,
  listKeys,
  showKey,
  rotateKey,
  disableKey,
  enableKey,
  findLeakedKey,
  importKeys,
  generateKey,
];
