import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { documentLimits, type Finding, type ParsedPolicy, parsePolicyText } from '@gatehouse/policy-document';
import type { Tools } from '../command.js';
import { exitCodes, Failure, usageFailure } from '../failure.js';
import { standardInput, type World } from '../world.js';

/** A policy as it stands in a file. */
export interface PolicyFile {
  readonly name: string;
  readonly text: string;
  readonly format: 'yaml' | 'json' | undefined;
  readonly parsed: ParsedPolicy;
}

/** @throws Failure if there is no such file, or it is no text of at most 1 MiB */
export async function readPolicyFile(file: string, world: World): Promise<PolicyFile> {
  const text = decoded(await bytesOf(file, world), file);
  const format = /\.json$/i.test(file) ? 'json' : undefined;
  return { name: file, text, format, parsed: parsePolicyText(text, { ...(format && { format }) }) };
}

async function bytesOf(file: string, world: World): Promise<Buffer> {
  const source: Readable = file === standardInput ? world.stdin : createReadStream(resolve(world.cwd, file));
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of source) {
      const bytes = Buffer.from(chunk);
      size += bytes.length;
      if (size > documentLimits.bytes) throw usageFailure(`${file} is larger than 1 MiB`);
      chunks.push(bytes);
    }
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    throw new Failure(exitCodes.usage, `${file} cannot be read (${code})`, undefined, { cause });
  }
  return Buffer.concat(chunks);
}

function decoded(bytes: Buffer, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Failure(exitCodes.usage, `${name} is not UTF-8`, undefined, { cause });
  }
}

/** `policy.yaml:3:7: error: must be ... (value_wrong at rules.0.mode)`: what editors and terminals make a link of. */
export function findingLine(name: string, { line = 1, column = 1, severity, message, code, path }: Finding): string {
  return `${name}:${line}:${column}: ${severity}: ${path === '' ? '' : `${path} `}${message} (${code})`;
}

/** The policy of a file that has no errors; warnings are told. @throws Failure with every error */
export async function readSoundPolicy(file: string, { world, output }: Tools): Promise<PolicyFile> {
  const read = await readPolicyFile(file, world);
  const { errors, warnings } = read.parsed;
  for (const finding of [...errors, ...warnings]) output.note(findingLine(read.name, finding));
  if (errors.length > 0)
    throw new Failure(
      exitCodes.negative,
      `${read.name} has ${errors.length} errors`,
      'gatehouse policy lint shows them',
    );
  return read;
}
