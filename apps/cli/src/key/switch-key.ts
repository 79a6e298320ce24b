import { defineCommand, type Tools } from '../command.js';
import { findKey, type Key, keysPath, statusOf } from './keys.js';

async function switchKey(
  tools: Tools,
  nameOrId: string,
  verb: 'disable' | 'enable',
  body?: object,
): Promise<undefined> {
  const client = tools.client();
  const { keyId } = await findKey(client, nameOrId);
  const key = await client.post<Key>(`${keysPath}/${keyId}/${verb}`, body);
  if (tools.output.isJson) tools.output.json(key);
  else tools.output.line(`${key.name} (${key.keyId}) is ${statusOf(key, Date.now())}`);
}

export const disableKey = defineCommand({
  command: 'disable <key>',
  describe: 'Stop a key from working, by name or id',
  options: (parser) =>
    parser
      .positional('key', { type: 'string', demandOption: true })
      .option('reason', { type: 'string', requiresArg: true, describe: 'Recorded as it is: no personal data' }),
  run: ({ key, reason }, tools) => switchKey(tools, key, 'disable', reason === undefined ? undefined : { reason }),
});

export const enableKey = defineCommand({
  command: 'enable <key>',
  describe: 'Let a disabled key work again, by name or id',
  options: (parser) => parser.positional('key', { type: 'string', demandOption: true }),
  run: ({ key }, tools) => switchKey(tools, key, 'enable'),
});
