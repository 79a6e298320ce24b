import { defineCommand } from '../command.js';
import { findKey, keyFacts } from './keys.js';

export const showKey = defineCommand({
  command: 'show <key>',
  describe: 'Show one key, by name or id',
  options: (parser) => parser.positional('key', { type: 'string', demandOption: true }),
  run: async ({ key }, tools) => {
    const found = await findKey(tools.client(), key);
    if (tools.output.isJson) tools.output.json(found);
    else tools.output.facts(keyFacts(found, tools.output));
    return undefined;
  },
});
