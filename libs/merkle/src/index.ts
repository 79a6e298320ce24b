export {
  type Checkpoint,
  formatCheckpoint,
  type OpenedCheckpoint,
  openCheckpoint,
  parseCheckpoint,
} from './checkpoint.js';
export { FormatError } from './errors.js';
export { emptyRoot, foldPerfect, HASH_BYTES, hashLeaf, hashNode } from './hash.js';
export { MAX_NOTE_BYTES, MAX_NOTE_SIGNATURES, type OpenedNote, openNote, signNote } from './note.js';
export {
  formatVkey,
  isKeyName,
  type NoteKey,
  type NoteSigner,
  type NoteVerifier,
  noteSigner,
  noteVerifier,
} from './note-key.js';
export { consistencyProof, inclusionProof, inclusionProofs, MAX_PROOF_BATCH, rootAt } from './proofs.js';
export { type TileReader, type TileStore, tileReader } from './tile-reader.js';
export {
  decodeBundle,
  edgeTiles,
  encodeBundle,
  MAX_BUNDLE_ENTRY_BYTES,
  parseTilePath,
  TILE_BYTES,
  TILE_WIDTH,
  type Tile,
  type TilePath,
  type TileRef,
  tilePath,
} from './tiles.js';
export {
  formatProof,
  MAX_PROOF_ENTRY_BYTES,
  MAX_PROOF_FILE_BYTES,
  MAX_PROOFS_PER_FILE,
  parseProof,
  parseProofs,
  type TlogProof,
} from './tlog-proof.js';
export { type Extension, MerkleFrontier } from './tree.js';
export { type ProofFileVerdict, type ProofProblem, type ProvenEntry, verifyProofFile } from './verify.js';
export {
  type ConsistencyClaim,
  type InclusionClaim,
  MAX_PROOF_HASHES,
  verifyConsistency,
  verifyInclusion,
} from './verify-proof.js';
