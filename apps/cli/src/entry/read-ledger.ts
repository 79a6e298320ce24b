import { resolve } from 'node:path';
import { defineCommand, type Tools } from '../command.js';
import { writePrivateFile } from '../settings/private-file.js';
import { fetchLedgerKey } from './ledger-key.js';

function give({ output, world }: Tools, text: string, out: string | undefined, json: object): void {
  if (out !== undefined) {
    const path = resolve(world.cwd, out);
    writePrivateFile(path, `${text}\n`);
    output.note(`written to ${path}`);
  }
  if (output.isJson) output.json(json);
  else if (out === undefined) output.line(text);
}

export const ledgerKey = defineCommand({
  command: 'key',
  describe: 'Fetch the public key of the ledger',
  options: (parser) => parser.option('out', { type: 'string', requiresArg: true, describe: 'File to write' }),
  run: async ({ out }, tools) => {
    const key = await fetchLedgerKey(tools);
    give(tools, key, out, { key });
    return undefined;
  },
});

export const checkpoint = defineCommand({
  command: 'checkpoint',
  describe: 'Fetch the newest signed checkpoint',
  options: (parser) => parser.option('out', { type: 'string', requiresArg: true, describe: 'File to write' }),
  run: async ({ out }, tools) => {
    const text = (await tools.client().bytes('/api/v1/audit/checkpoint')).toString('utf8').trimEnd();
    const [origin, size, root] = text.split('\n');
    give(tools, text, out, { origin, size: Number(size), root, checkpoint: `${text}\n` });
    return undefined;
  },
});
