import { createHash, createHmac, pbkdf2, randomBytes, randomInt } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(pbkdf2);

/** Letters and digits: nothing that a URL, a shell, a connection string or SQL would have to escape. */
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const length = 40;

/** 40 characters of 62: 238 bits. */
export const newPassword = (): string => Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');

const iterations = 4096;

/**
 * What PostgreSQL stores of a password (RFC 5803 in PostgreSQL's form, RFC 7677): given in place of the password, the
 * password itself stands in no statement, and so in no log, view or history of the target.
 *
 * @returns `SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>`
 */
export async function scramVerifier(password: string, salt: Buffer = randomBytes(16)): Promise<string> {
  const salted = await derive(password, salt, iterations, 32, 'sha256');
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64');
  const serverKey = hmac('Server Key').toString('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}
