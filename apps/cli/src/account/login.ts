import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { Client } from '../client.js';
import { defineCommand, type Tools } from '../command.js';
import { exitCodes, Failure, usageFailure } from '../failure.js';
import { formatReference } from '../reference.js';
import { forgetApiKey, keepApiKey } from '../settings/credentials.js';
import { homeFolder, type SettingsFolder } from '../settings/folder.js';
import { writePrivateFile } from '../settings/private-file.js';
import { configPath, type Settings } from '../settings/settings.js';
import { readCaller } from './whoami.js';

const maxKeyLength = 512;

export const login = defineCommand({
  command: 'login',
  describe: 'Keep a key for later calls; it is read from the standard input',
  options: (parser) =>
    parser
      .option('api-key-stdin', {
        type: 'boolean',
        demandOption: true,
        describe: 'Read the key from the standard input',
      })
      .example('$0 login --url https://gatehouse.example.com --api-key-stdin < key.txt', ''),
  run: async (_flags, tools) => {
    const apiKey = await readLine(tools.world.stdin);
    if (!/^[\x21-\x7e]+$/.test(apiKey)) throw usageFailure('the standard input does not hold a key');
    const settings = tools.settings();
    // A key that does not work is not kept.
    const caller = await readCaller(new Client({ ...settings, apiKey: { value: apiKey, from: 'the standard input' } }));
    const folder = ownFolder(tools);
    writeConfig(settings, folder);
    const path = keepApiKey(folder, apiKey);
    if (tools.output.isJson) tools.output.json({ ...caller, file: path });
    else tools.output.line(`${settings.url.value} knows you as ${formatReference(caller)}; the key is in ${path}`);
    return undefined;
  },
});

export const logout = defineCommand({
  command: 'logout',
  describe: 'Forget the key on this machine; it still works until it is disabled',
  run: (_flags, tools) => {
    const folder = ownFolder(tools);
    if (!forgetApiKey(folder))
      throw new Failure(
        exitCodes.negative,
        `there is no key in ${folder.path}`,
        'gatehouse config show tells where keys come from',
      );
    tools.output.note('The key is forgotten here. To stop it from working: gatehouse keys disable NAME');
    return undefined;
  },
});

/** The key of a development stack is that stack's: logging in and out leaves it alone. */
function ownFolder({ world, settings }: Tools): SettingsFolder {
  const { folder } = settings();
  return folder.origin === 'development' ? homeFolder(world) : folder;
}

/** Address and trust go with the key, so that the next call finds the same Gatehouse. */
function writeConfig({ url, ca, ledgerKey }: Settings, folder: SettingsFolder): void {
  // A ledger key that is pinned already stays pinned; otherwise the first proof pins one in the folder.
  const pinned = existsSync(ledgerKey.value) ? { ledgerKey: ledgerKey.value } : {};
  const config = { url: url.value, ...(ca && { ca: ca.value }), ...pinned };
  writePrivateFile(configPath(folder), `${JSON.stringify(config, null, 2)}\n`);
}

/** The one line of the standard input. @throws Failure for more than any key has */
export async function readLine(input: Readable): Promise<string> {
  let text = '';
  for await (const chunk of input) {
    text += String(chunk);
    if (text.length > maxKeyLength) throw usageFailure('the standard input holds more than a key');
  }
  return text.trim();
}
