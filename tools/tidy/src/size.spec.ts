import { describe, expect, it } from '@jest/globals';
import { checkFileSize, checkFunctionSize, maxFileLines, maxFunctionLines } from './size.js';
import { file, findings } from './tree.fixture.js';

const lines = (count: number): string => 'const a = 1;\n'.repeat(count);
const functionOf = (count: number): string => `function f() {\n${'  g();\n'.repeat(count - 2)}}\n`;

describe('checkFileSize', () => {
  it('allows the limit and not one line more', () => {
    expect(findings(checkFileSize, [file('libs/a/src/a.ts', lines(maxFileLines))])).toEqual([]);
    expect(findings(checkFileSize, [file('libs/a/src/a.ts', lines(maxFileLines + 1))])).toEqual([
      'libs/a/src/a.ts: 401 lines, at most 400',
    ]);
    expect(findings(checkFileSize, [file('tools/a.mjs', lines(maxFileLines + 1))])).toHaveLength(1);
  });

  it.each(['libs/a/src/a.spec.ts', 'apps/a/test/walk.ts', 'apps/a/src/migrations/1-first.ts', 'docs/a.md', 'a.json'])(
    'exempts %s',
    (path) => expect(findings(checkFileSize, [file(path, lines(1000))])).toEqual([]),
  );
});

describe('checkFunctionSize', () => {
  const ofFunction = (text: string): string[] => findings(checkFunctionSize, [file('libs/a/src/a.ts', text)]);

  it('allows the limit and not one line more', () => {
    expect(ofFunction(functionOf(maxFunctionLines))).toEqual([]);
    expect(ofFunction(`\n${functionOf(maxFunctionLines + 1)}`)).toEqual([
      'libs/a/src/a.ts:2: a function of 71 lines, at most 70',
    ]);
  });

  it('does not count the comment before a function', () => {
    expect(ofFunction(`/**\n${' * why\n'.repeat(50)} */\n${functionOf(maxFunctionLines)}`)).toEqual([]);
  });

  it.each([
    ['method', (body: string) => `class A { f() {${body}} }`],
    ['constructor', (body: string) => `class A { constructor() {${body}} }`],
    ['arrow function', (body: string) => `const f = () => {${body}};`],
    ['getter', (body: string) => `const a = { get f() {${body} return 1; } };`],
    ['async generator', (body: string) => `async function* f() {${body}}`],
  ])('measures a %s', (_, wrap) => {
    expect(ofFunction(wrap('\n'.repeat(80)))).toHaveLength(1);
    expect(ofFunction(wrap('\n'.repeat(20)))).toEqual([]);
  });

  it('does not count declarations without a body, nor tests', () => {
    expect(ofFunction(`interface A { f(${'\n'.repeat(80)}): void }`)).toEqual([]);
    expect(findings(checkFunctionSize, [file('libs/a/src/a.spec.ts', functionOf(100))])).toEqual([]);
  });
});
