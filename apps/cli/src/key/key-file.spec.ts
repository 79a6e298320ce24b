import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readKeyFile } from './key-file.js';

const key = (letter: string, family = 'mas') => `${family}_${letter.repeat(53)}A`;
const failureOf = (text: string): string => {
  try {
    readKeyFile(text);
  } catch (error) {
    return (error as Error).message;
  }
  return 'none';
};
const fileOf = (...items: string[]) => `auth:\n  keys:\n${items.map((item) => `    - ${item}\n`).join('')}`;

describe('a configuration of Marie', () => {
  it('has its keys at the top', () => {
    const text = `
auth:
  keys:
    - name: production-backend
      api_key: ${key('a')}
      enabled: true
      roles: [admin, user]
    - name: web-application
      api_key: ${key('b', 'mau')}
`;
    expect(readKeyFile(text)).toEqual([
      { name: 'production-backend', key: key('a'), enabled: true, roles: ['admin', 'user'] },
      { name: 'web-application', key: key('b', 'mau'), enabled: true, roles: [] },
    ]);
  });

  it('or below `with`, among tags, anchors and placeholders of its own', () => {
    const text = `!MarieGateway
uses: MarieGateway
shared: &base
  provider: postgresql
  password: \${{ ENV.PASSWORD }}
with:
  kv: { <<: *base, schema: x }
  auth:
    keys:
      - name : service-a
        api_key : ${key('a')}
        enabled : True
`;
    expect(readKeyFile(text)).toEqual([{ name: 'service-a', key: key('a'), enabled: true, roles: [] }]);
  });

  it.each([
    ['true', true],
    ['True', true],
    ['yes', true],
    ['Y', true],
    ['t', true],
    ["'1'", true],
    ['false', false],
    ['no', false],
    ['off', false],
    ["''", false],
  ])('takes enabled: %s as %p', (word, enabled) => {
    expect(readKeyFile(fileOf(`{ name: a, api_key: ${key('a')}, enabled: ${word} }`))[0]?.enabled).toBe(enabled);
  });

  it('keeps keys that begin or end with payload that looks like a separator, and last characters that are not canonical', () => {
    for (const text of [`mas__${'-'.repeat(53)}`, `mas_-${'_'.repeat(53)}`, `mas_${'a'.repeat(54)}`])
      expect(readKeyFile(fileOf(`{ name: a, api_key: "${text}" }`))[0]?.key).toBe(text);
  });
});

describe('a file that is refused', () => {
  it.each([
    ['nothing', '', 'no auth.keys'],
    ['no list', 'auth: { keys: 7 }', 'not a list'],
    ['an empty list', 'auth: { keys: [] }', 'not a list'],
    ['both places', `${fileOf(`{ name: a, api_key: ${key('a')} }`)}with: { auth: { keys: [] } }`, 'twice'],
    ['a number for enabled', fileOf(`{ name: a, api_key: ${key('a')}, enabled: 1 }`), 'key 1 (a): its enabled'],
    ['no name', fileOf(`{ api_key: ${key('a')} }`), 'key 1: its name'],
    ['a name with blanks', fileOf(`{ name: My Key, api_key: ${key('a')} }`), 'key 1: its name'],
    ['no key', fileOf('{ name: a }'), 'key 1 (a): its api_key'],
    ['a placeholder for a key', fileOf('{ name: a, api_key: "$' + '{{ ENV.KEY }}" }'), 'key 1 (a): its api_key'],
    ['roles that are none', fileOf(`{ name: a, api_key: ${key('a')}, roles: admin }`), 'key 1 (a): its roles'],
    [
      'a name twice',
      fileOf(`{ name: a, api_key: ${key('a')} }`, `{ name: a, api_key: ${key('b')} }`),
      'key 2 has the name of key 1',
    ],
    [
      'a key twice',
      fileOf(`{ name: a, api_key: ${key('a')} }`, `{ name: b, api_key: ${key('a')} }`),
      'key 2 has the api_key of key 1',
    ],
    ['no YAML', `auth:\n  keys: [ ${key('a')}: ]]`, 'not YAML'],
    ['a member twice', `auth: { keys: [{ name: a, api_key: ${key('a')}, api_key: ${key('b')} }] }`, 'not YAML'],
    ['an alias of nothing', `auth: { keys: [*${key('a')}] }`, 'alias'],
    ['too much', `# ${'x'.repeat(1024 * 1024)}`, 'larger'],
  ])('for %s says so and shows no key', (_name, text, words) => {
    const message = failureOf(text);
    expect(message).toContain(words);
    expect(message).not.toMatch(/ma[su]_[a-z]{10}/);
  });

  it('ends quickly whatever its aliases multiply to', () => {
    const bomb = ['a0: &a0 [x,x,x,x,x,x,x,x]'];
    for (let i = 1; i < 12; i++)
      bomb.push(
        `a${i}: &a${i} [${Array(8)
          .fill(`*a${i - 1}`)
          .join()}]`,
      );
    expect(failureOf(`${bomb.join('\n')}\nauth: { keys: *a11 }`)).toMatch(/alias/);
  });

  it('never shows a key, whatever the text is', () => {
    const secret = key('s');
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), fc.string({ maxLength: 60 }), (before, after) => {
        expect(failureOf(`${before}${secret}${after}`)).not.toContain(secret.slice(8));
        expect(failureOf(fileOf(`{ name: ${before}, api_key: ${secret}${after} }`))).not.toContain(secret.slice(8));
      }),
    );
  });
});
