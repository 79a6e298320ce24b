import { randomBytes } from 'node:crypto';
import { defineCommand } from '../command.js';

/** 40 bytes from the system's generator, in base64url: 54 characters, the last one of `A Q g w`. */
const newKey = (family: string): string => `${family}_${randomBytes(40).toString('base64url')}`;

export const generateKey = defineCommand({
  command: 'generate',
  describe: 'Draw the text of a key here, without any service; nobody knows it until it is imported',
  options: (parser) =>
    parser
      .option('family', {
        choices: ['mas', 'mau'] as const,
        default: 'mas' as const,
        describe: 'mas: a service; mau: a person',
      })
      .example('$0 keys generate', ''),
  run: ({ family }, { output }) => {
    const key = newKey(family);
    if (output.isJson) output.json({ key });
    else output.line(key);
    output.note('No service knows this key yet: gatehouse keys import takes it over.');
    return undefined;
  },
});
