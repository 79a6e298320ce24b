import { describe, expect, it } from '@jest/globals';
import { checkBannedWords } from './banned-words.js';
import { file, findings } from './tree.fixture.js';

const words = (path: string, text: string): string[] => findings(checkBannedWords, [file(path, text)]);
/** Words are put together here, so that this file is not among the findings itself. */
const join = (...parts: string[]): string => parts.join('');

describe('checkBannedWords', () => {
  it.each([
    ['libs/a/src/a.ts', `// ${join('TO', 'DO')}: later`],
    ['docs/a.md', `${join('FIX', 'ME')} this`],
    ['libs/a/src/a.ts', `/* ${join('HA', 'CK')} */`],
    ['libs/a/src/a.ts', `// ${join('X', 'XX')}`],
    ['libs/a/src/a.spec.ts', `${join('it.', 'skip')}('a', () => {});`],
    ['libs/a/src/a.spec.ts', `${join('describe.', 'only')}('a', () => {});`],
    ['libs/a/src/a.spec.ts', `${join('it.concurrent.', 'only')}('a', () => {});`],
    ['libs/a/src/a.spec.ts', `${join('xi', 't(')}'a', () => {});`],
    ['libs/a/src/a.spec.ts', `${join('test.to', 'do')}('a');`],
    ['libs/a/src/a.ts', `${join('console', '.log')}('a');`],
    ['apps/policy/src/a.ts', `${join('console', '.debug')}('a');`],
    ['docs/a.md', `see ${join('/wo', 'rk/')}main/docs`],
    ['libs/a/src/a.ts', `const folder = '${join('/t', 'mp/')}gatehouse';`],
    ['docs/a.md', `written by a ${join('sub', 'agent')}`],
    ['README.md', `asked ${join('Clau', 'de')}`],
    ['README.md', `an ${join('L', 'LM')} wrote it`],
    ['libs/a/src/a.ts', `// ${join('@ts-', 'ignore')}`],
    ['apps/relay/src/a.ts', `hello${join('.safe', 'Parse(')}words)`],
  ])('finds the word in %s: %s', (path, text) => expect(words(path, text)).toHaveLength(1));

  it.each([
    ['libs/a/src/a.ts', 'const method = "mastodon";'],
    ['apps/cli/src/a.ts', `${join('console', '.log')}('printed for a person');`],
    ['tools/up/src/a.ts', `${join('console', '.log')}('progress');`],
    ['libs/a/src/a.spec.ts', `${join('console', '.log')}('in a test');`],
    ['libs/a/src/a.ts', `/**\n * ${join('console', '.log')}(example());\n */`],
    ['libs/a/src/a.spec.ts', `hello${join('.safe', 'Parse(')}words)`],
    ['apps/relay/src/a.ts', `({ ..${join('.safe', 'Parse(')}hello, words).data })`],
    ['docs/a.md', 'network/work/flow and ./work/ are relative'],
    ['libs/a/src/a.spec.ts', 'const exit = (f) => f(); exit(1); submit(2);'],
    ['package-lock.json', `"integrity": "sha512-a/${join('XX', 'X')}/b"`],
  ])('leaves %s alone: %s', (path, text) => expect(words(path, text)).toEqual([]));

  it('says which line, and why', () => {
    const word = join('TO', 'DO');
    expect(words('libs/a/src/a.ts', `one\ntwo\n// ${word}\n`)).toEqual([
      `libs/a/src/a.ts:3: "${word}": unfinished work belongs into an issue`,
    ]);
  });

  it('does not look for words in binary files', () => {
    expect(words('libs/a/src/testdata/tile', `\0${join('TO', 'DO')}`)).toEqual([]);
  });
});
