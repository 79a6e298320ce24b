import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { noteVerifier } from '@gatehouse/merkle';
import type { Tools } from '../command.js';
import { exitCodes, Failure, usageFailure } from '../failure.js';
import { writePrivateFile } from '../settings/private-file.js';

/** c2sp.org/signed-note: name, key id, key. */
const vkeyPattern = /^[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}$/;

/**
 * The ledger's public keys without any call: from --key (a file, or the key itself), else from the file of the settings.
 * A file may hold several, one a line: a ledger that has changed keys.
 */
export function knownLedgerKeys(given: string | undefined, tools: Tools): string[] {
  if (given !== undefined && vkeyPattern.test(given)) return [checked(given, '--key')];
  const path = given === undefined ? tools.settings().ledgerKey.value : resolve(tools.world.cwd, given);
  if (!existsSync(path))
    throw usageFailure(
      `the ledger's public key is not in ${path}`,
      'gatehouse audit key --out FILE fetches it once; then: gatehouse audit verify PROOF --key FILE',
    );
  const lines = readFileSync(path, 'utf8').split('\n');
  const keys = lines.map((line) => line.trim()).filter((line) => line !== '');
  if (keys.length === 0) throw usageFailure(`${path} holds no public key`);
  return keys.map((key) => checked(key, path));
}

function checked(vkey: string, from: string): string {
  try {
    noteVerifier(vkey);
    return vkey;
  } catch (cause) {
    throw new Failure(exitCodes.usage, `${from} does not hold the public key of a ledger`, undefined, { cause });
  }
}

export async function fetchLedgerKey(tools: Tools): Promise<string> {
  const vkey = (await tools.client().bytes('/api/v1/audit/key')).toString('utf8').trim();
  return checked(vkey, tools.settings().url.value);
}

/** The keys of the settings; when there are none yet, the server's, which is trusted from then on. */
export async function keptLedgerKeys(tools: Tools): Promise<string[]> {
  const { value: path } = tools.settings().ledgerKey;
  if (existsSync(path)) return knownLedgerKeys(undefined, tools);
  const vkey = await fetchLedgerKey(tools);
  writePrivateFile(path, `${vkey}\n`);
  tools.output.note(
    `The ledger's public key was fetched from ${tools.settings().url.value} and is trusted from now on: ${path}`,
  );
  return [vkey];
}
