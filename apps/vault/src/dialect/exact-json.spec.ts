import { describe, expect, it } from '@jest/globals';
import { parseExactly } from './exact-json.js';

const parse = (text: string) => parseExactly(Buffer.from(text, 'utf8'));

describe('exact JSON', () => {
  it.each([
    ['{"a": 1, "b": [true, null, "x"], "c": {"a": 2}}', { a: 1, b: [true, null, 'x'], c: { a: 2 } }],
    ['[{"a": 1}, {"a": 1}]', [{ a: 1 }, { a: 1 }]],
    ['{"a": "{\\"b\\": 1, \\"b\\": 2}"}', { a: '{"b": 1, "b": 2}' }],
    ['{"n": [0, -0, 0.0, 1.50, 15e-1, 1e2, 9007199254740991, 5e-324, 1.7976931348623157e308]}', undefined],
    ['{"emoji": "\\ud83d\\ude00", "text": "\\u0000\\\\"}', { emoji: '😀', text: '\u0000\\' }],
    ['{"constructor": {"prototype": 1}, "toString": "x"}', { constructor: { prototype: 1 }, toString: 'x' }],
    ['  ', undefined],
  ])('takes %s', (text, value) => {
    const parsed = parse(text);
    if (value !== undefined) expect(parsed).toEqual(value);
  });

  it.each([
    ['a number beyond the exact ones', '{"n": 9007199254740993}'],
    ['a long fraction', '{"n": 3.14159265358979323846}'],
    ['a number that becomes zero', '{"n": 1e-400}'],
    ['a number that becomes infinite', '{"n": 1e400}'],
    ['a name twice', '{"a": 1, "a": 2}'],
    ['a name twice, once escaped', '{"a": 1, "\\u0061": 2}'],
    ['__proto__', '{"__proto__": {"admin": true}}'],
    ['__proto__, escaped and deep', '{"a": [{"\\u005f_proto__": 1}]}'],
    ['half a surrogate pair', '{"a": "\\ud83d"}'],
    ['a comma too many', '{"a": 1,}'],
    ['two values', '{} {}'],
    ['deep nesting', '['.repeat(65) + ']'.repeat(65)],
    ['very deep nesting', '['.repeat(200_000) + ']'.repeat(200_000)],
  ])('refuses %s', (_name, text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'malformed_body' }));
  });

  it('refuses bytes that are not UTF-8, and never quotes the body', () => {
    expect(() => parseExactly(Buffer.from([0x22, 0xff, 0x22]))).toThrow('The body is not UTF-8');
    expect(() => parse('{"password": hunter2}')).toThrow(/^(?!.*hunter2)/);
  });

  it('takes a text as long as a body may be', () => {
    const long = `\\"${'x'.repeat(500_000)}\\n`;
    expect(parse(`{"a": "${long}"}`)).toEqual({ a: JSON.parse(`"${long}"`) });
  });
});
