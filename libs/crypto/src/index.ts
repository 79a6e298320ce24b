export {
  CanonicalJsonError,
  type CanonicalJsonErrorCode,
  canonicalJson,
  canonicalText,
  maxCanonicalDepth,
} from './canonical-json.js';
export { constantTimeEqual } from './constant-time.js';
export { CryptoError, type CryptoErrorCode } from './crypto-error.js';
export {
  type DeviceProofPurpose,
  deviceKey,
  deviceProofText,
  signDeviceProof,
  verifyDeviceProof,
} from './device-key.js';
export { keyOfBytes } from './key-bytes.js';
export {
  type BearerFamily,
  bearerFamily,
  displayPrefix,
  type GeneratedFamily,
  generateKey,
  isCanonicalKey,
  isSetupToken,
  keyFamilies,
  maxBearerLength,
  unsealKeyBytes,
} from './key-families.js';
export {
  createKeyFile,
  keyFromText,
  loadKeyFile,
  loadOrCreateEd25519,
  loadOrCreateKeyFile,
  type SigningKey,
} from './key-file.js';
export {
  addressPseudonym,
  blindIndex,
  keyFingerprint,
  messageCode,
  type Pepper,
  pseudonym,
} from './keyed-hash.js';
export { type CurveKeyType, newKeyBytes, newKeyPair } from './new-key-pair.js';
export {
  keyOfTwo,
  loadOrCreateRootKey,
  loadRootKey,
  type RootKey,
  rootKeyOf,
  unwrapKey,
  wrapKey,
  wrappedUnder,
} from './root-key.js';
export { type ChunkPlace, openChunk, sealChunk } from './sealed-chunks.js';
export {
  openValue,
  rewrapValue,
  type SealedValue,
  sealValue,
  type ValuePlace,
  type VersionedKey,
} from './sealed-value.js';
export { maxSealedBytes, newSubjectKey, openField, type SubjectKeyRef, sealField } from './subject-keys.js';
export { type FillRandom, uuidv7, uuidv7Source } from './uuidv7.js';
