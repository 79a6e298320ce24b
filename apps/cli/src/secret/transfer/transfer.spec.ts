import { describe, expect, it } from '@jest/globals';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { keyLines, openFromAge, sealForAge } from './age-file.js';
import { readDotenv } from './read-dotenv.js';
import { readKubernetes } from './read-kubernetes.js';
import { readVaultExport } from './read-vault-export.js';

const messageOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
};

describe('.env', () => {
  const values = (text: string) =>
    Object.fromEntries(readDotenv(text).map(({ path, data }) => [path, (data as { value: string }).value]));

  it('is read with quotes, comments, several lines', () => {
    const text = [
      '# a comment',
      '',
      'PLAIN=value # not part of it',
      'export EXPORTED=yes',
      'SPACES =  around  ',
      "SINGLE='a # b \\n c'",
      'DOUBLE="a\\nb"',
      'BACK=`it\'s "both"`',
      'EMPTY=',
      'EQUALS=a=b=c',
      'PEM="-----BEGIN-----',
      'NOT_A_NAME=inside',
      '-----END-----"',
      'dotted.name-x=1',
    ].join('\n');
    expect(values(text)).toEqual({
      PLAIN: 'value',
      EXPORTED: 'yes',
      SPACES: 'around',
      SINGLE: 'a # b \\n c',
      DOUBLE: 'a\nb',
      BACK: 'it\'s "both"',
      EMPTY: '',
      EQUALS: 'a=b=c',
      PEM: '-----BEGIN-----\nNOT_A_NAME=inside\n-----END-----',
      'dotted.name-x': '1',
    });
    expect(values('A=1\r\nB=2\r\n')).toEqual({ A: '1', B: '2' });
  });

  it.each([
    ['A=1\nA=hunter2', 'A is in the file more than once'],
    ['A=1\nhunter2', 'line 2 is no NAME=value'],
    ['A="hunter2', 'the value of A has no end'],
    ['# nothing', 'no secret in the file'],
    ['', 'no secret in the file'],
    ['__proto__=hunter2', '__proto__'],
  ])('%j is refused without showing it', (text, words) => {
    const message = messageOf(() => readDotenv(text));
    expect(message).toContain(words);
    expect(message).not.toContain('hunter2');
  });
});

describe('an export of Vault', () => {
  const read = (value: unknown, name?: string) => readVaultExport(JSON.stringify(value), name);
  const answer = (data: object, custom: object | null = null) => ({
    request_id: 'r',
    data: { data, metadata: { version: 3, custom_metadata: custom } },
  });

  it('is one answer, under the name that is given', () => {
    expect(read(answer({ a: 1 }, { owner: 'ann' }), 'app/db')).toEqual([
      { path: 'app/db', data: { a: 1 }, customMetadata: { owner: 'ann' } },
    ]);
    expect(read({ request_id: 'r', lease_duration: 2764800, data: { a: 'x' } }, 'v1')).toEqual([
      { path: 'v1', data: { a: 'x' } },
    ]);
  });

  it('is a tree of paths, with answers or plain values for leaves', () => {
    const tree = {
      'app/': { db: answer({ a: 1 }), nested: { deep: { password: 'x' } } },
      'flat/path': answer({ b: 2 }),
    };
    expect(read(tree)).toEqual([
      { path: 'app/db', data: { a: 1 } },
      { path: 'app/nested/deep', data: { password: 'x' } },
      { path: 'flat/path', data: { b: 2 } },
    ]);
  });

  it('is a list of answers that say their paths', () => {
    expect(
      read([
        { path: '/a/b/', ...answer({ x: 1 }) },
        { path: 'c', data: { y: 2 } },
      ]),
    ).toEqual([
      { path: 'a/b', data: { x: 1 } },
      { path: 'c', data: { y: 2 } },
    ]);
  });

  it.each<[unknown, string]>([
    ['text', 'no export of Vault'],
    [answer({ a: 'hunter2' }), '--name'],
    [{ a: 'hunter2' }, '--name'],
    [{ a: { data: { data: null, metadata: { version: 1 } } } }, 'deleted'],
    [[{ data: { a: 'hunter2' } }], 'item 1 of the list has no path'],
    [{ a: answer({ x: 1 }), 'a/': answer({ x: 2 }) }, 'more than once'],
    [[], 'no secret'],
  ])('%j is refused without showing it', (value, words) => {
    const message = messageOf(() => read(value));
    expect(message).toContain(words);
    expect(message).not.toContain('hunter2');
  });

  it('is not followed without end', () => {
    const deep = `${'{"a":'.repeat(200)}{"b":"x"}${'}'.repeat(200)}`;
    expect(messageOf(() => readVaultExport(deep, undefined))).toContain('levels');
    expect(messageOf(() => readVaultExport('{"a": hunter2', undefined))).not.toContain('hunter2');
  });
});

describe('manifests of Kubernetes', () => {
  it('are read with lists, several documents and other kinds between', () => {
    const text = `
apiVersion: v1
kind: ConfigMap
metadata: {name: ignored}
data: {a: b}
---
apiVersion: v1
kind: Secret
metadata: {name: db, namespace: shop}
type: kubernetes.io/basic-auth
data:
  username: YWRtaW4=
  password: |
    aHVudGVy
    Mg==
  binary: /wA=
stringData:
  username: root
---
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Secret
    metadata: {name: other}
    stringData: {key: "text\\n"}
`;
    const shop = { kubernetes_type: 'kubernetes.io/basic-auth', kubernetes_namespace: 'shop' };
    expect(readKubernetes(text)).toEqual([
      { path: 'db/username', data: { value: 'root' }, customMetadata: shop },
      { path: 'db/password', data: { value: 'hunter2' }, customMetadata: shop },
      { path: 'db/binary', data: { value_base64: '/wA=' }, customMetadata: shop },
      { path: 'other/key', data: { value: 'text\n' }, customMetadata: { kubernetes_type: 'Opaque' } },
    ]);
  });

  const secret = (more: string) => `apiVersion: v1\nkind: Secret\nmetadata: {name: db}\n${more}`;
  it.each([
    [secret('data: {a: "hunter2!"}'), 'db.data.a is not base64'],
    [secret('stringData: {a: 1}'), 'db.stringData.a is no text'],
    [secret('data: [hunter2]'), 'db.data is no object'],
    ['apiVersion: v1\nkind: Secret\ndata: {a: YQ==}', 'no metadata.name'],
    [`${secret('data: {a: YQ==}')}\n---\n${secret('data: {a: Yg==}')}`, 'more than once'],
    ['a: [hunter2', 'document 1 is not YAML'],
    ['', 'no secret'],
    ['kind: Other', 'no secret'],
  ])('%j is refused without showing it', (text, words) => {
    const message = messageOf(() => readKubernetes(text));
    expect(message).toContain(words);
    expect(message).not.toContain('hunter2');
  });
});

describe('an export for age', () => {
  const secrets = [
    {
      path: 'a/B',
      version: 2,
      createdAt: '2026-11-22T00:00:00Z',
      data: { value: 'canary-4711' },
      customMetadata: { o: 'x' },
    },
    { path: 'c', version: 1, createdAt: '2026-11-22T00:00:00Z', data: { nested: { n: 1 } } },
  ];
  const options = { exportedAt: '2026-11-22T00:00:00Z', armored: false };
  const opened = [
    { path: 'a/B', data: { value: 'canary-4711' }, customMetadata: { o: 'x' } },
    { path: 'c', data: { nested: { n: 1 } } },
  ];

  it.each([false, true])('opens for each recipient, and for nobody else (text: %s)', async (armored) => {
    const identities = await Promise.all([generateIdentity(), generateIdentity(), generateIdentity()]);
    const recipients = await Promise.all(identities.slice(0, 2).map((identity) => identityToRecipient(identity)));
    const file = await sealForAge(secrets, recipients, { ...options, armored });
    expect(Buffer.from(file).toString('latin1')).not.toContain('canary');
    for (const identity of identities.slice(0, 2)) expect(await openFromAge(file, [identity])).toEqual(opened);
    expect(await openFromAge(file, identities)).toEqual(opened);
    await expect(openFromAge(file, identities.slice(2))).rejects.toThrow('does not open');
  });

  it('does not open when a byte of it is another', async () => {
    const identity = await generateIdentity();
    const file = await sealForAge(secrets, [await identityToRecipient(identity)], options);
    for (const at of [0, 40, file.length - 20, file.length - 1]) {
      const changed = Buffer.from(file);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await expect(openFromAge(changed, [identity])).rejects.toThrow('nothing is imported');
    }
  });

  it('refuses what is no recipient and no identity, and does not repeat it', async () => {
    const identity = await generateIdentity();
    for (const wrong of [identity, 'age1hunter2', ''])
      await expect(sealForAge(secrets, [wrong], options)).rejects.toThrow(/^a recipient is not one of age: it begins/);
    const file = await sealForAge(secrets, [await identityToRecipient(identity)], options);
    await expect(openFromAge(file, ['AGE-SECRET-KEY-1HUNTER2'])).rejects.toThrow(/^the identity file holds a line/);
    expect(keyLines(`# created\n${identity}\r\n\n`)).toEqual([identity]);
  });
});
