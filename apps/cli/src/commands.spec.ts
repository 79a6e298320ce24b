import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { tempDir } from '@gatehouse/testing';
import { afterAll, describe, expect, it } from '@jest/globals';
import { wordsOf } from './command.js';
import { commands } from './commands.js';
import { deviceCommands } from './device-commands.js';
import { caller } from './world.fixture.js';

const folder = tempDir('cli-commands');
afterAll(() => folder.remove());
const call = caller(folder.path);

/** What a compiled file and all that it imports at once need of other packages. */
function packagesOf(file: string, seen = new Set<string>()): Set<string> {
  const found = new Set<string>();
  if (seen.has(file)) return found;
  seen.add(file);
  for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(/^(?:import|export)\b[^'\n]*\bfrom '([^']+)';$/gm)) {
    const own = name.startsWith('.') ? packagesOf(join(dirname(file), name), seen) : [name];
    for (const each of own) if (!each.startsWith('node:')) found.add(each);
  }
  return found;
}

describe('commands are loaded when they are called', () => {
  it('nothing but the parser is loaded before', () => {
    // What main.js imports; itself it may have been linked with all the rest.
    expect([...packagesOf(join(import.meta.dirname, 'run.js'))]).toEqual(['yargs']);
  });

  it.each([...commands, ...deviceCommands('edge-1')].map((lazy) => [wordsOf(lazy)[0], lazy] as const))(
    '%s is called in the help what it calls itself',
    async (_word, lazy) => {
      const said: unknown[] = [];
      const parser = {
        command: (command: string | string[], describe: string) => said.push([command].flat(), describe),
      };
      (await lazy.load())(parser as never, {} as never);
      expect(said).toEqual([lazy.command, lazy.describe]);
    },
  );

  it('the version is told, to scripts as JSON', async () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
    expect((await call(['--version'])).out).toBe(`${version}\n`);
    expect(JSON.parse((await call(['version', '--json'])).out)).toEqual({ version });
  });
});
