import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { ReadStream } from 'node:tty';
import { secretReader } from '../account/read-secret.js';
import type { Tools } from '../command.js';
import { exitCodes, Failure, usageFailure } from '../failure.js';
import type { World } from '../world.js';

/** What the vault takes for one version. */
export const maxSecretBytes = 512 * 1024;

/** The members of a version. */
export type SecretData = Readonly<Record<string, unknown>>;

/** A value never comes as an argument: these say why. */
export const noValueInArguments = (): Failure =>
  usageFailure(
    'a value is not taken from the command line: every process of this machine could read it there, and the shell keeps it in its history',
    'Give it on the standard input (... < FILE), with --file FILE, or type it when asked',
  );

/** A path with `=` is most probably `NAME=value`. */
export function checkPathArgument(path: string, more: readonly unknown[] = []): string {
  if (more.length > 0 || path.includes('=')) throw noValueInArguments();
  return path.replace(/^\/+|\/+$/g, '') || refuse();
}

const refuse = (): never => {
  throw usageFailure('the path is empty');
};

/** Everything of a file or of the standard input, at most `limit` bytes. @throws Failure */
export async function readBytes(file: string | undefined, world: World, limit = maxSecretBytes): Promise<Buffer> {
  const source: Readable = file === undefined ? world.stdin : createReadStream(resolve(world.cwd, file));
  const name = file ?? 'the standard input';
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of source) {
      const bytes = Buffer.from(chunk);
      size += bytes.length;
      if (size > limit) throw usageFailure(`${name} is larger than ${Math.floor(limit / 1024)} KiB`);
      chunks.push(bytes);
    }
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure(exitCodes.usage, `${name} cannot be read (${(cause as NodeJS.ErrnoException).code})`, undefined, {
      cause,
    });
  }
  return Buffer.concat(chunks);
}

/** The bytes of a new value: of a file, of the standard input, or typed unseen when that is a terminal. */
export async function readValue(file: string | undefined, trim: boolean, { world, output }: Tools): Promise<Buffer> {
  const isTyped = file === undefined && (world.stdin as ReadStream).isTTY === true;
  if (isTyped) return Buffer.from(await secretReader(world)('Value: '), 'utf8');
  const bytes = await readBytes(file === '-' ? undefined : file, world);
  if (trim) return withoutLineEnd(bytes);
  // One line with its end is what `echo` makes: most probably not meant, and not for us to guess.
  if (bytes.indexOf(0x0a) === bytes.length - 1 && bytes.length > 0)
    output.note('The value ends in a new line, which is kept; --trim leaves it out.');
  return bytes;
}

function withoutLineEnd(bytes: Buffer): Buffer {
  if (bytes.at(-1) !== 0x0a) return bytes;
  return bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1);
}

/** One value: text where it is UTF-8, else base64. */
export function dataOf(bytes: Uint8Array): SecretData {
  try {
    return { value: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { value_base64: Buffer.from(bytes).toString('base64') };
  }
}

/** Members from a JSON object. @throws Failure, without the text */
export function membersOf(bytes: Uint8Array): SecretData {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw usageFailure('what was given is not JSON');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as SecretData;
  throw usageFailure('what was given is not a JSON object of members');
}
