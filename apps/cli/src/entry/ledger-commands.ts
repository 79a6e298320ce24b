import type { Command } from '../command.js';
import { checkConsistency } from './check-consistency.js';
import { listEntries } from './list-entries.js';
import { proveEntries } from './prove-entries.js';
import { checkpoint, ledgerKey } from './read-ledger.js';
import { verifyProof } from './verify-proof.js';

export const ledgerCommands: readonly Command[] = [
  listEntries,
  proveEntries,
  verifyProof,
  checkConsistency,
  ledgerKey,
  checkpoint,
];
