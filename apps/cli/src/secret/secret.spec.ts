import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { tempDir } from '@gatehouse/testing';
import { afterAll, describe, expect, it } from '@jest/globals';
import { caller } from '../world.fixture.js';
import { childEnvironment, parseWanted } from './run/child-environment.js';
import { dataOf } from './secret-input.js';
import { parseVersions, secretUrl } from './secrets-api.js';

const folder = tempDir('cli-secret');
afterAll(() => folder.remove());
const call = caller(folder.path);

describe('a value as an argument', () => {
  it.each([
    ['put', ['secrets', 'put', 'production/DB', 'hunter2']],
    ['put, in words', ['secrets', 'put', 'production/DB', 'hunter2', 'and', 'more']],
    ['put, as name and value', ['secrets', 'put', 'production/DB=hunter2']],
    ['put, with members as those of Vault', ['secrets', 'put', 'production/DB', 'password=hunter2']],
    ['patch', ['secrets', 'patch', 'production/DB', '{"a":"hunter2"}']],
    ['get', ['secrets', 'get', 'production/DB=hunter2']],
    ['behind two dashes', ['secrets', 'put', 'production/DB', '--', 'hunter2']],
  ])('is refused and not repeated: %s', async (_name, argv) => {
    const { exitCode, out, error } = await call(argv);
    expect(exitCode).toBe(2);
    expect(out + error).not.toContain('hunter2');
  });

  it('is told why', async () => {
    const { error } = await call(['secrets', 'put', 'production/DB', 'hunter2']);
    expect(error).toContain('every process of this machine could read it');
    expect(error).toContain('--file');
  });

  it.each(['--value', '--data', '--secret'])('there is no flag %s for it', async (flag) => {
    const { exitCode, out, error } = await call(['secrets', 'put', 'production/DB', flag, 'hunter2']);
    expect(exitCode).toBe(2);
    expect(out + error).not.toContain('hunter2');
  });
});

describe('a wrong call', () => {
  it.each([
    ['an empty path', ['secrets', 'get', '/'], 'the path is empty'],
    ['versions that are none', ['secrets', 'destroy', 'a', '--versions', '1-x'], '--versions'],
    ['no versions', ['secrets', 'undelete', 'a'], 'versions'],
    ['an end that nobody confirmed', ['secrets', 'delete', 'a', '--all'], 'cannot be undone'],
    ['a name that cannot be mounted', ['secrets', 'mount', 'a-b'], 'cannot be mounted'],
    ['a path where a name is due', ['secrets', 'mount', 'production/DB'], '--scope production NAME'],
    ['a name twice', ['secrets', 'mount', 'A', 'A'], 'more than once'],
    ['two scopes', ['secrets', 'mount', 'A', '--scope', 'a', '--scope', 'b'], 'more than once'],
    ['an interval that is none', ['secrets', 'mount', 'A', '--interval', 'often'], '--interval'],
    ['a directory that is not there', ['secrets', 'mount', 'A', '--dir', 'none'], 'does not exist'],
    ['no program', ['run', '--secret', 'A'], 'which program'],
    ['no secret', ['run', '--', 'true'], 'secret'],
    ['a variable that is none', ['run', '--secret', 'A=1B', '--', 'true'], 'name of a variable'],
    ['nobody to seal for', ['secrets', 'export', '--out', 'x'], 'for whom'],
    ['a recipient that is none', ['secrets', 'export', '--out', 'x', '--recipient', 'AGE-SECRET-KEY-1X'], 'recipient'],
    ['a source that is none', ['secrets', 'import', 'x', '--from', 'paper'], 'Choices'],
    ['a file that is not there', ['secrets', 'import', 'none', '--from', 'dotenv'], 'ENOENT'],
    ['a member that is no JSON', ['secrets', 'put', 'a', '--members', '--file', 'text'], 'not JSON'],
    ['a list for members', ['secrets', 'put', 'a', '--members', '--file', 'list'], 'not a JSON object'],
  ])('%s ends with 2 and says so', async (_name, argv, words) => {
    writeFileSync(join(folder.path, 'text'), 'hunter2');
    writeFileSync(join(folder.path, 'list'), '["hunter2"]');
    const { exitCode, out, error } = await call(argv, { GATEHOUSE_API_KEY: 'mas_x' });
    expect(error).toContain(words);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(error).not.toMatch(/hunter2|SECRET-KEY/);
  });

  it('more than the vault takes is refused here', async () => {
    const stdin = Readable.from([Buffer.alloc(600 * 1024)]);
    const { exitCode, error } = await call(['secrets', 'put', 'a'], { GATEHOUSE_API_KEY: 'mas_x' }, { stdin });
    expect(exitCode).toBe(2);
    expect(error).toContain('larger than 512 KiB');
  });
});

describe('the content of a version', () => {
  it('is text where it is UTF-8, and base64 where it is not', () => {
    expect(dataOf(Buffer.from('\ufeffä\n'))).toEqual({ value: '\ufeffä\n' });
    expect(dataOf(Buffer.from([0xff, 0x00]))).toEqual({ value_base64: '/wA=' });
  });
});

describe('the environment of a program', () => {
  it.each(['LD_PRELOAD', 'LD_X', 'DYLD_INSERT_LIBRARIES', 'PATH', 'NODE_OPTIONS', 'BASH_ENV', 'GATEHOUSE_URL', 'HOME'])(
    'never has %s from a secret',
    (variable) => {
      expect(() => parseWanted([`A=${variable}`])).toThrow('changes how programs run');
    },
  );

  it.each([[['A=B', 'C=B']], [['A', 'A']], [['A=']], [['A=B=C']], [['A=B C']], [['1A']]])(
    'is not made from %j',
    (texts) => {
      expect(() => parseWanted(texts)).toThrow();
    },
  );

  it('has the secrets, and not the key to them', () => {
    const env = { GATEHOUSE_API_KEY: 'k', M87_API_KEY: 'k', OTHER: 'o' };
    const values = [{ variable: 'DB', bytes: Buffer.from('v\n') }];
    expect(childEnvironment(env, values, false)).toEqual({ OTHER: 'o', DB: 'v\n' });
    expect(childEnvironment(env, values, true)).toEqual({ ...env, DB: 'v\n' });
  });

  it.each([[Buffer.from([0x61, 0])], [Buffer.from([0xff])]])('holds no such bytes: %j', (bytes) => {
    expect(() => childEnvironment({}, [{ variable: 'DB', bytes }], false)).toThrow('DB');
  });
});

describe('addresses', () => {
  it('hold every segment, escaped', () => {
    expect(secretUrl('a b/?x#/c%2f')).toMatch(/\/a%20b\/%3Fx%23\/c%252f$/);
  });

  it.each(['../keys', 'a/../../b', './a', 'a//b', ''])('lead nowhere else: %j', (path) => {
    expect(() => secretUrl(path)).toThrow('none of dots');
  });

  it.each<[string, number[] | undefined]>([
    ['1', [1]],
    ['3,1-2, 2', [1, 2, 3]],
    ['', undefined],
    ['0', undefined],
    ['2-1', undefined],
    ['1-', undefined],
    ['1-99999', undefined],
  ])('versions %j are %j', (text, versions) => {
    expect(parseVersions(text)).toEqual(versions);
  });
});

describe('config lint', () => {
  const lint = (name: string, text: string, ...more: string[]) => {
    writeFileSync(join(folder.path, name), text);
    return call(['config', 'lint', name, '--offline', ...more]);
  };

  it('finds near misses with line and column, in YAML', async () => {
    const text = [
      'config:',
      '  ok: "{{ secret.OK }}"',
      '  url: postgres://u:{{ secret.P }}@h',
      '  list:',
      '    - "{{ secrets.A }}"',
      "    - '{{secret.a-b}}'",
      '    - "{{ secret.A }} {{ secret.B }}"',
      '  "{{ secret.KEY }}": 1',
      '  case: "{{ Secret.A }}"',
      '  braces: "{{{secret.A}}}"',
    ].join('\n');
    const { exitCode, out } = await lint('app.yaml', text);
    expect(out.split('\n').map((line) => line.replace(/^(\S+) error: (\S+) .*\((\w+)\)$/, '$1 $2 $3'))).toEqual([
      'app.yaml:3:8: config.url: reference_embedded',
      'app.yaml:5:7: config.list[0]: reference_plural',
      'app.yaml:6:7: config.list[1]: reference_name',
      'app.yaml:7:7: config.list[2]: reference_several',
      expect.stringContaining('app.yaml:8:3: config'),
      'app.yaml:9:9: config.case: reference_case',
      'app.yaml:10:11: config.braces: reference_braces',
      '',
    ]);
    expect(exitCode).toBe(1);
  });

  it('finds them in JSON, for scripts and for workflows', async () => {
    const text = '{\n  "config": { "a": "{{ secrets.A }}", "b": "{{ secret.B }}" }\n}';
    const { out } = await lint('app.json', text, '--json');
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      findings: [{ file: 'app.json', line: 2, column: 20, place: 'config.a', code: 'reference_plural' }],
      references: [{ file: 'app.json', names: ['B'] }],
    });
    expect((await lint('app.json', text, '--format', 'github')).out).toMatch(
      /^::error file=app\.json,line=2,col=20,title=reference_plural::config\.a /,
    );
  });

  it('is content with what is right', async () => {
    const { exitCode, out } = await lint('ok.yaml', 'a: "{{ secret.A }}"\nb: [1, true, null]\n');
    expect({ exitCode, out }).toEqual({ exitCode: 0, out: '' });
  });

  it.each([
    ['bad.yaml', 'a: [hunter2'],
    ['twice.yaml', 'a: hunter2\na: 1'],
    [
      'bomb.yaml',
      `a: &a [x]\n${Array.from({ length: 12 }, (_v, i) => `b${i}: &b${i} [*${i ? `b${i - 1}` : 'a'}, *${i ? `b${i - 1}` : 'a'}]`).join('\n')}`,
    ],
  ])('%s is not read, and not repeated', async (name, text) => {
    const { exitCode, error } = await lint(name, text);
    expect(exitCode).toBe(2);
    expect(error).toContain(name);
    expect(error).not.toContain('hunter2');
  });

  it('asks the service which secrets there are, unless it is offline', async () => {
    writeFileSync(join(folder.path, 'ask.yaml'), 'a: "{{ secret.A }}"');
    expect((await call(['config', 'lint', 'ask.yaml'])).exitCode).toBe(3);
  });
});
