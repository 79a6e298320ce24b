import type { Keyring } from '../key/keyring.js';
import { valueTexts } from './value-texts.js';

/** By what the values of a secret's data are found again: keyed hashes, which say nothing without the tenant's key. */
export const fingerprintsOf = (
  keyring: Pick<Keyring, 'fingerprint'>,
  tenantId: string,
  data: unknown,
): Promise<readonly Buffer[]> => Promise.all(valueTexts(data).map((text) => keyring.fingerprint(tenantId, text)));
