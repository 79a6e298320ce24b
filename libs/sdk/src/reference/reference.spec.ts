import { describe, expect, it } from '@jest/globals';
import { findReferences, formatPlace, TooDeepError } from './find-references.js';
import { pythonStrip } from './python-text.js';
import { type NearMissKind, nearMissOf, secretNameIn } from './reference.js';

describe('a reference', () => {
  it.each([
    ['{{ secret.A }}'],
    ['{{secret.A}}'],
    ['{{secret.A }}'],
    ['{{ secret.A}}'],
    ['  {{ secret.A }}  '],
    ['\t{{ secret.A }}'],
    ['{{ secret.A }}\n'],
    ['{{\tsecret.A\n}}'],
    ['{{   secret.A   }}'],
    ['\n\t{{\n\tsecret.A\t\n}}\r\n'],
    // White space for Python, not for JavaScript.
    ['\x1c{{\x1dsecret.A\x1e}}\x1f'],
    ['\x85{{\x85secret.A\x85}}\x85'],
    ['\u00a0{{\u2003secret.A\u3000}}\u2028'],
  ])('%j is one, as in Python', (text) => {
    expect(secretNameIn(text)).toBe('A');
    expect(nearMissOf(text)).toBeUndefined();
  });

  it.each(['9', '_', 'a_B9', 'DATABASE_URL', 'x'.repeat(128)])('takes the name %s as it is', (name) => {
    expect(secretNameIn(`{{ secret.${name} }}`)).toBe(name);
  });

  it.each<[string, NearMissKind]>([
    ['{{ secrets.USER_PASSWORD }}', 'plural'],
    ['{{secrets . A}}', 'plural'],
    ['{{ SECRETS.A }}', 'plural'],
    ['{{ Secret.A }}', 'case'],
    ['{{ SECRET.A }}', 'case'],
    ['{{secret.a-b}}', 'name'],
    ['{{ secret.a.b }}', 'name'],
    ['{{ secret.}}', 'name'],
    ['{{ secret }}', 'name'],
    ['{{ secret.../../etc/passwd }}', 'name'],
    ['{{ secret.\u00c4 }}', 'name'],
    ['{{ "secret.A" }}', 'name'],
    ['{{ secret. A }}', 'blank'],
    ['{{ secret .A }}', 'blank'],
    ['{{ secret.A }}{{ secret.B }}', 'several'],
    ['{{ secret.A }} {{ secrets.B }}', 'several'],
    ['postgres://u:{{ secret.P }}@h', 'embedded'],
    ['$ {{ secrets.P }}', 'embedded'],
    ['{{{secret.A}}}', 'braces'],
    ['{{{ secret.A }}', 'braces'],
    ['{secret.A}', 'braces'],
    ['{{ secret.A }', 'braces'],
    ['{{ secret.A', 'braces'],
    ['secret.A }}', 'braces'],
    ['\ufeff{{ secret.A }}', 'invisible'],
    ['{{ secret.A\u200bB }}', 'invisible'],
    [`{{ secret.${'x'.repeat(129)} }}`, 'too_long'],
  ])('%j is a near miss: %s', (text, kind) => {
    if (kind !== 'too_long') expect(secretNameIn(text)).toBeUndefined();
    expect(nearMissOf(text)).toBe(kind);
  });

  it.each([
    '',
    'secret',
    'my secret.txt',
    '{{ user.name }}',
    '{{ my_secret }}',
    '{{ secretary.name }}',
    '{"secret": 1}',
  ])('%j was not meant as one', (text) => {
    expect([secretNameIn(text), nearMissOf(text)]).toEqual([undefined, undefined]);
  });

  it('is looked for in linear time', () => {
    const n = 50_000;
    const bad = ['{{ secret.', '{', '{{', ' ', '{{ secret', '\u200b', '{ secret.', '{{ secret.A }}'];
    // A pattern that backtracks would not come back from any of these.
    for (const text of bad) for (const end of ['', 'secret', '}', '{{ secret.A }}']) nearMissOf(text.repeat(n) + end);
    pythonStrip(`a${' '.repeat(n)}b`);
    expect(nearMissOf(`${' '.repeat(n)}{{ secret.A }}${' '.repeat(n)}`)).toBeUndefined();
  });
});

describe('strip', () => {
  it.each([
    [' a b ', 'a b'],
    ['\x1c\x1d\x1e\x1f\x85\u00a0\u3000a\u2029\x85', 'a'],
    // JavaScript's trim() would take a byte order mark, and leave the separators.
    ['\ufeff a \ufeff', '\ufeff a \ufeff'],
    ['\u200ba\u200b', '\u200ba\u200b'],
    ['\n-----BEGIN-----\r\nx\r\n-----END-----\r\n', '-----BEGIN-----\r\nx\r\n-----END-----'],
    [' \n', ''],
    ['', ''],
  ])('%j is %j', (text, stripped) => {
    expect(pythonStrip(text)).toBe(stripped);
  });
});

describe('references in a document', () => {
  it('are found with their places, and keys are none', () => {
    const found = findReferences({
      db: { hosts: ['h', { password: '{{ secret.DB }}' }], url: 'postgres://u:{{ secret.DB }}@h' },
      '{{ secret.KEY }}': 1,
      again: '{{ secret.DB }}',
    });
    expect(found.references.map(({ name, place }) => [name, formatPlace(place)])).toEqual([
      ['DB', 'db.hosts[1].password'],
      ['DB', 'again'],
    ]);
    expect(found.nearMisses.map(({ kind, place }) => [kind, formatPlace(place)])).toEqual([
      ['embedded', 'db.url'],
      ['key', '["{{ secret.KEY }}"]'],
    ]);
  });

  it('are not looked for without end', () => {
    let deep: unknown = '{{ secret.A }}';
    for (let i = 0; i < 10_000; i++) deep = [deep];
    expect(() => findReferences(deep)).toThrow(TooDeepError);
  });

  it('have the root for a place too', () => {
    expect(formatPlace([])).toBe('the root');
    expect(formatPlace(['a b', 'c\n'])).toBe('["a b"]["c\\n"]');
  });
});
