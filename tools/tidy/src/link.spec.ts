import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadTool } from './tools.fixture.js';

interface LinkTool {
  linkPrograms(root: string): Promise<number>;
  unlinkStalePrograms(root: string): Promise<void>;
}

const { linkPrograms, unlinkStalePrograms } = await loadTool<LinkTool>('link.mjs');

/**
 * A workspace as the compiler leaves it: a program that reads a file beside one of its modules, has a driver in two ways,
 * and two classes of one name.
 */
const files: Readonly<Record<string, string>> = {
  'package.json': '{"type":"module"}',
  'package-lock.json': '{}',
  'libs/words/dist/words.js': `
    import { readFileSync } from 'node:fs';
    export class Said {}
    export const word = readFileSync(new URL('./word.txt', import.meta.url), 'utf8') + ' said';`,
  'libs/words/dist/word.txt': 'hello',
  'apps/shop/src/main.ts': `
    import { createRequire } from 'node:module';
    import driver from 'pg';
    import * as words from '../../../../libs/words/dist/words.js';
    class Said {}
    const asked: unknown = createRequire(import.meta.url)('pg');
    const names = [Said.name, words.Said?.name];
    console.log(JSON.stringify({ word: words.word, isShared: asked === driver, names }));`,
  'node_modules/pg/package.json': '{"main":"index.js","peerDependencies":{"pg-native":"*"}}',
  'node_modules/pg/index.js': 'module.exports = class Driver {};',
  'node_modules/typeorm/package.json': '{}',
  'node_modules/@nestjs/core/package.json': '{}',
};

let root = '';
const at = (name: string) => path.join(root, name);
const main = () => at('apps/shop/dist/src/main.js');
const put = (name: string, text: string) => {
  mkdirSync(path.dirname(at(name)), { recursive: true });
  writeFileSync(at(name), text);
};
const isLinked = () => readFileSync(main(), 'utf8').startsWith('/* linked */');

function run(): unknown {
  const { stdout, stderr } = spawnSync(process.execPath, [main()], { encoding: 'utf8' });
  return stdout === '' ? stderr : JSON.parse(stdout);
}

/** What the compiler does with a module that has changed. */
function change(name: string, text: string): void {
  put(name, text);
  const later = new Date(Math.ceil(statSync(main()).mtimeMs) + 1_000);
  utimesSync(at(name), later, later);
}

beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), 'link-'));
  for (const [name, text] of Object.entries(files)) put(name, text);
  put('apps/shop/dist/src/main.js', (files['apps/shop/src/main.ts'] as string).replace(': unknown', ''));
});
afterAll(() => rmSync(root, { recursive: true }));

describe('a program that is linked', () => {
  it('does what it did, finds its files where they were, and shares its driver with whoever asks for that by name', async () => {
    const before = run();
    expect(before).toEqual({ word: 'hello said', isShared: true, names: ['Said', 'Said'] });
    expect(await linkPrograms(root)).toBe(1);
    expect(isLinked()).toBe(true);
    expect(run()).toEqual(before);
  });

  it('is one file: what was put into it is not looked for any more', () => {
    put('libs/words/dist/words.js', 'throw new Error("looked for");');
    const past = new Date(0);
    utimesSync(at('libs/words/dist/words.js'), past, past);
    expect(run()).toMatchObject({ word: 'hello said', names: ['Said', 'Said'] });
  });

  it('is linked again when a module is newer, and only then', async () => {
    expect(await linkPrograms(root)).toBe(0);
    change('libs/words/dist/words.js', 'export const word = "changed";');
    expect(await linkPrograms(root)).toBe(1);
    expect(run()).toMatchObject({ word: 'changed' });
  });

  it('that is older than a module is what the compiler wrote, where nobody links', async () => {
    const later = new Date(statSync(at('libs/words/dist/words.js')).mtimeMs + 1_000);
    utimesSync(main(), later, later);
    await unlinkStalePrograms(root);
    expect(isLinked()).toBe(true);
    change('libs/words/dist/words.js', 'export const word = "changed again";');
    await unlinkStalePrograms(root);
    expect(isLinked()).toBe(false);
    expect(run()).toMatchObject({ word: 'changed again', isShared: true });
  });
});
