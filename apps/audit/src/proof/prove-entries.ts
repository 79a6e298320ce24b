import { formatProof, hashLeaf, inclusionProofs, type TileReader, verifyInclusion } from '@gatehouse/merkle';
import type { SignedCheckpoint } from '../checkpoint/signed-checkpoint.js';
import { entryBytes } from '../ledger/entry-row.js';
import { LedgerDamaged } from '../ledger/ledger-damaged.js';

export interface EntryToProve {
  readonly index: number;
  /** Canonical JSON, as it was hashed. */
  readonly envelope: string;
}

/**
 * One proof file for entries under a checkpoint (c2sp.org/tlog-proof, one proof after another). Each proof is verified
 * before it is handed out: a proof that does not hold would be taken for a forgery.
 *
 * @param entries at most 1,024, all below the checkpoint's size
 * @throws LedgerDamaged when the stored entry or tree is not what the checkpoint signed
 */
export async function proveEntries(
  entries: readonly EntryToProve[],
  checkpoint: SignedCheckpoint,
  reader: TileReader,
): Promise<string> {
  const { size, root, note } = checkpoint;
  const indexes = entries.map((entry) => entry.index);
  const proofs = await inclusionProofs(indexes, size, reader);
  const texts = entries.map(({ index, envelope }, i) => {
    const entry = entryBytes(envelope);
    const hashes = proofs[i] ?? [];
    if (!verifyInclusion({ index, size, leafHash: hashLeaf(entry), proof: hashes, root }))
      throw new LedgerDamaged(`entry ${index} is not the one that was signed in the tree of ${size}`);
    return formatProof({ entry, index, hashes, checkpoint: note });
  });
  return texts.join('');
}
