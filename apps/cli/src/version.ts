import { readFileSync } from 'node:fs';
import { defineCommand } from './command.js';

/** Of this package, as its package.json has it. */
export function ownVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

export const versionCommand = defineCommand({
  command: 'version',
  describe: 'Show the version',
  run: (_flags, { output }) => {
    if (output.isJson) output.json({ version: ownVersion() });
    else output.line(ownVersion());
    return undefined;
  },
});
