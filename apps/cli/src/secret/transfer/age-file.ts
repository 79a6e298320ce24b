import { armor, Decrypter, Encrypter } from 'age-encryption';
import { usageFailure } from '../../failure.js';
import { eachPathOnce, type ImportEntry, isRecord, wrongFile } from './entry.js';

/** A secret as an export has it. */
export interface ExportedSecret extends ImportEntry {
  readonly version: number;
  readonly createdAt: string;
}

const format = 'gatehouse.secrets.v1';
const armorStart = '-----BEGIN AGE ENCRYPTED FILE-----';

/**
 * Seals secrets for age recipients (age-encryption.org/v1), in memory: nothing of it is ever on a disk in clear.
 *
 * @throws Failure for a recipient that is none
 */
export async function sealForAge(
  secrets: readonly ExportedSecret[],
  recipients: readonly string[],
  { exportedAt, armored }: { readonly exportedAt: string; readonly armored: boolean },
): Promise<Uint8Array> {
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch {
      // Somebody may have given an identity, which is secret: it is not repeated.
      throw usageFailure('a recipient is not one of age: it begins with age1, and comes from age-keygen -y');
    }
  }
  const sealed = await encrypter.encrypt(JSON.stringify({ format, exportedAt, secrets }));
  return armored ? Buffer.from(armor.encode(sealed), 'utf8') : sealed;
}

/** @throws Failure when no identity opens it, or it is no export of Gatehouse */
export async function openFromAge(file: Uint8Array, identities: readonly string[]): Promise<readonly ImportEntry[]> {
  const decrypter = new Decrypter();
  for (const identity of identities) {
    try {
      decrypter.addIdentity(identity);
    } catch {
      throw usageFailure('the identity file holds a line that is no identity of age');
    }
  }
  return eachPathOnce(secretsIn(await decrypted(file, decrypter)));
}

async function decrypted(file: Uint8Array, decrypter: Decrypter): Promise<unknown> {
  const start = Buffer.from(file.subarray(0, 64)).toString('latin1').trimStart();
  let text: string;
  try {
    const sealed = start.startsWith(armorStart) ? armor.decode(Buffer.from(file).toString('latin1')) : file;
    text = await decrypter.decrypt(sealed, 'text');
  } catch (error) {
    throw wrongFile(`the file does not open (${(error as Error).message})`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw wrongFile('what is sealed in the file is no export of Gatehouse');
  }
}

function secretsIn(value: unknown): ImportEntry[] {
  if (!isRecord(value) || value.format !== format || !Array.isArray(value.secrets))
    throw wrongFile('what is sealed in the file is no export of Gatehouse');
  return value.secrets.map((secret: unknown, i) => {
    if (!isRecord(secret) || typeof secret.path !== 'string' || !isRecord(secret.data))
      throw wrongFile(`secret ${i + 1} of the file has no path or no data`);
    const { path, data, customMetadata } = secret;
    const metadata = isRecord(customMetadata) ? { customMetadata: customMetadata as Record<string, string> } : {};
    return { path, data, ...metadata };
  });
}

/** The lines of an identity or recipients file, without comments. */
export const keyLines = (text: string): string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
