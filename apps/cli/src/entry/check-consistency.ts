import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { noteVerifier, openCheckpoint, rootAt, type TileReader, tilePath, verifyConsistency } from '@gatehouse/merkle';
import type { Client } from '../client.js';
import { defineCommand } from '../command.js';
import { exitCodes, Failure, usageFailure } from '../failure.js';
import { keptLedgerKeys } from './ledger-key.js';

interface TreeHead {
  readonly size: number;
  readonly root: Uint8Array;
}

export const checkConsistency = defineCommand({
  command: 'consistency',
  describe: 'Check that the ledger has only grown: each size is the beginning of what is signed now',
  options: (parser) =>
    parser
      .option('from', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'A size, or a file of `audit checkpoint --out`',
      })
      .option('to', {
        type: 'number',
        requiresArg: true,
        describe: 'A later size (default: that of the newest checkpoint)',
      }),
  run: async ({ from, to }, tools) => {
    const keys = await keptLedgerKeys(tools);
    const client = tools.client();
    const now = openSigned(await client.bytes('/api/v1/audit/checkpoint'), keys, 'the newest checkpoint');
    const reader = tilesOf(client);
    const atSize = async (size: number) => ({ size, root: await rootAt(sizeWithin(now, size), reader) });
    const file = resolve(tools.world.cwd, from);
    const older = isSize(from) ? await atSize(Number(from)) : openSigned(readCheckpoint(file), keys, from);
    const newer = to === undefined ? now : await atSize(to);
    if (older.size > newer.size) throw usageFailure(`--from ${older.size} is later than --to ${newer.size}`);
    await requireExtension(client, older, newer);
    await requireExtension(client, newer, now);
    const { output } = tools;
    const sizes = { from: older.size, to: newer.size, signed: now.size };
    if (output.isJson) output.json({ ok: true, ...sizes });
    else output.line(output.good(`consistent: ${sizes.from} -> ${sizes.to} -> ${sizes.signed} (signed)`));
    return undefined;
  },
});

const isSize = (text: string): boolean => /^\d{1,15}$/.test(text);

function sizeWithin({ size: signed }: TreeHead, size: number): number {
  if (Number.isSafeInteger(size) && size >= 0 && size <= signed) return size;
  throw usageFailure(`a size is a whole number up to ${signed}, the newest signed one`);
}

function readCheckpoint(path: string): Buffer {
  if (existsSync(path)) return readFileSync(path);
  throw usageFailure(`--from is neither a size nor a file: ${path}`);
}

function openSigned(note: Buffer, keys: readonly string[], what: string): TreeHead {
  const verifiers = keys.map(noteVerifier);
  const opened = openCheckpoint(note, verifiers, verifiers[0]?.name ?? '');
  if (opened.ok) return opened.checkpoint;
  throw new Failure(exitCodes.negative, `${what} is not signed by this ledger: ${opened.reason}`);
}

/** The server's tiles are not trusted: roots made of them must fit the signed one. */
const tilesOf = (client: Client): TileReader => ({
  readTiles: (tiles) =>
    Promise.all(tiles.map((tile) => client.bytes(`/api/v1/audit/${tilePath({ kind: 'hashes', ...tile })}`))),
});

async function requireExtension(client: Client, older: TreeHead, newer: TreeHead): Promise<void> {
  const [from, to] = [older.size, newer.size];
  const { hashes } = await client.get<{ hashes: string[] }>('/api/v1/audit/consistency', { from, to });
  const proof = hashes.map((hash) => new Uint8Array(Buffer.from(hash, 'base64')));
  if (verifyConsistency({ from, to, fromRoot: older.root, toRoot: newer.root, proof })) return;
  throw new Failure(
    exitCodes.negative,
    `NOT CONSISTENT: the ledger of ${to} entries does not begin with the one of ${from}`,
    'Keep both checkpoints: signed, they are the evidence that the ledger was changed',
  );
}
