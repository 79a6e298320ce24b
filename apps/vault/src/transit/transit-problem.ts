import { ProblemError } from '@gatehouse/http';

/** What a caller did wrong, in the words of Vault: 400. Never a part of what was sent. */
export const refused = (message: string): ProblemError => new ProblemError('validation_failed', message);

export const notDecryptable = (): ProblemError => refused('invalid ciphertext: could not decrypt');
