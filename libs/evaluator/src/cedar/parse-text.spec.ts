import { describe, expect, it } from '@jest/globals';
import { cedarErrors, cedarSumErrors, compileCedar } from './compile-cedar.js';
import { parseCedarText } from './parse-text.js';
import { textLimits } from './text.js';

const rule = (text: string, id = 'c') => ({ type: 'cedar' as const, id, text });
const policy = 'permit(principal, action, resource);';
const when = (condition: string): string => `permit(principal, action, resource) when { ${condition} };`;
const errorsOf = (text: string) => cedarErrors(rule(text));
const namesOf = (text: string) => parseCedarText({ text }).policies.map(({ name }) => name);

describe('cedarErrors', () => {
  it('is empty for text that Cedar takes', () => {
    expect(errorsOf(`// all\n@id("all")\n${policy}\n\n${when('context.a == "; // no end"')}`)).toEqual([]);
  });

  it('names line and column within the text, and what is wrong', () => {
    expect(errorsOf('permit(\n  principal,\n  action,\n  resourc\n);')).toEqual([
      { path: '4:3', message: expect.stringContaining('resourc') },
    ]);
    expect(errorsOf(when('context.a = 1'))[0]?.path).toBe('1:44');
  });

  it('counts characters, not bytes', () => {
    expect(errorsOf(`// é😀\n${when('"é" == foo(1)')}`)).toEqual([
      { path: '2:51', message: expect.stringContaining('foo') },
    ]);
  });

  it.each([
    ['', '1:1', 'must have a policy'],
    ['// nothing', '1:1', 'must have a policy'],
    ['permit(principal == ?principal, action, resource);', '1:21', 'templates'],
    [`${policy}\n permit(principal, action, resource in ?resource);`, '2:40', 'templates'],
    [`@id("a") ${policy}\n@id("a") ${policy}`, '2:1', 'another policy'],
    [`@id("policy1") ${policy}\n${policy}`, '2:1', 'another policy'],
    [`@id("") ${policy}`, '1:1', '@id'],
    [`@id("a/b") ${policy}`, '1:1', '@id'],
    [`@id("${'x'.repeat(129)}") ${policy}`, '1:1', '@id'],
    [`@id("a\\nb") ${policy}`, '1:1', '@id'],
    [`@id("a")\n@id("b") ${policy}`, '2:1', 'duplicate annotation'],
    [when('9223372036854775808 == 1'), '1:44', 'too large'],
    [when('context.foo()'), '1:44', 'foo'],
    [when('"\ud800" == "a"'), '1:1', 'surrogate'],
    [policy.slice(0, -1), '1:36', 'unexpected end'],
    [when('"no end'), '1:44', ''],
  ])('refuses %j', (text, path, message) => {
    expect(errorsOf(text)).toEqual([{ path, message: expect.stringContaining(message) }]);
  });

  it('bounds the text, the policies of a rule and those of all rules', () => {
    expect(errorsOf(`//${'x'.repeat(textLimits.chars)}`)[0]?.message).toContain('65536 characters');
    expect(errorsOf(`${policy}`.repeat(513))[0]?.message).toContain('512 policies');
    const many = [rule(policy.repeat(300), 'a'), rule(policy.repeat(300), 'b')];
    expect(cedarSumErrors(many)).toEqual([{ path: '', message: 'must have at most 512 Cedar policies' }]);
    expect(() => compileCedar(many)).toThrow('512');
    const wide = when(`[${Array.from({ length: 8_000 }, (_, i) => i).join(',')}].contains(context.a)`);
    expect(errorsOf(wide)).toEqual([]);
    expect(cedarSumErrors([rule(wide, 'a'), rule(wide, 'b'), rule(wide, 'c')])[0]?.message).toContain('20000');
  });

  const nested: readonly (readonly [string, (n: number) => string])[] = [
    ['parentheses', (n) => `${'('.repeat(n)}true${')'.repeat(n)}`],
    ['sets', (n) => `${'['.repeat(n)}1${']'.repeat(n)} == 1`],
    ['records', (n) => `${'{a:'.repeat(n)}1${'}'.repeat(n)} == 1`],
    ['ifs', (n) => `${'if true then '.repeat(n)}true${' else false'.repeat(n)}`],
    ['else-ifs', (n) => `${'if true then true else '.repeat(n)}true`],
    ['calls', (n) => `[1]${'.contains([1]'.repeat(n)}${')'.repeat(n)}`],
    ['negations', (n) => `${'!('.repeat(n)}true${')'.repeat(n)}`],
    ['conjunctions', (n) => Array(n).fill('true').join(' && ')],
    ['sums', (n) => `${Array(n).fill('1').join('+')} == 1`],
    ['attributes', (n) => `context${'.a'.repeat(n)}`],
    ['indexes', (n) => `context${'["a"]'.repeat(n)}`],
  ];
  it.each(nested)('refuses %s that would exhaust the stack of Cedar’s parser, and works on', (_, nest) => {
    const large = nest(4_000);
    expect(errorsOf(when(large.length < 60_000 ? large : nest(2_000)))).toHaveLength(1);
    expect(errorsOf(policy)).toEqual([]);
  });

  it.each(nested)('takes %s up to the bound', (name, nest) => {
    const isChain = ['conjunctions', 'sums', 'attributes', 'indexes'].includes(name);
    const most = isChain
      ? textLimits.operators - 3
      : name === 'calls'
        ? textLimits.depth / 2 - 1
        : textLimits.depth - 2;
    expect(errorsOf(when(nest(most)))).toEqual([]);
  });

  it('takes any number of policies that are each within bounds', () => {
    expect(errorsOf(when(Array(100).fill('true').join(' && ')).repeat(50))).toEqual([]);
  });
});

describe('parseCedarText', () => {
  it('numbers policies as they stand in the text, @id or not', () => {
    const text = Array.from({ length: 12 }, (_, i) => (i === 3 ? `@id("third") ${policy}` : policy)).join('\n');
    expect(namesOf(text)).toEqual([...Array(12).keys()].map((i) => (i === 3 ? 'third' : `policy${i}`)));
  });

  it('keeps whole numbers that JSON would round', () => {
    const { policies } = parseCedarText({ text: `// long\n${when('context.long0 == 9007199254740993')}` });
    expect(policies[0]?.longType).toBe('long1');
    expect(JSON.stringify(policies[0]?.json)).toContain('"id":"9007199254740993"');
  });
});
