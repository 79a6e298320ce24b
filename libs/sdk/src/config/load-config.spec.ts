import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '@gatehouse/testing';
import { afterAll, describe, expect, it } from '@jest/globals';
import { ConfigError } from './config-error.js';
import { getConfigValue } from './get-config-value.js';
import { loadConfigFromEnv, loadConfigFromJson } from './load-config.js';

const folder = tempDir('sdk-config');
afterAll(() => folder.remove());
const directory = folder.path;
const put = (name: string, content: string | Buffer) => writeFileSync(join(directory, `${name}.secret`), content);

const info = {
  application_id: 'a',
  application_name: 'app',
  deployed_application_id: 'd',
  deployed_application_name: 'deployed',
  is_release_version: false,
  system_id: 's',
};
const whole = (config: unknown, more: object = {}) => ({
  application_info: { ...info, version: 'ignored' },
  config,
  interfaces: {},
  peripherals: { peripherals: [] },
  ...more,
});

function load(config: unknown, more: object = {}) {
  const warnings: string[] = [];
  const loaded = loadConfigFromJson(JSON.stringify(whole(config, more)), {
    secretsDirectory: directory,
    onWarning: (message) => warnings.push(message),
  });
  return { config: loaded.config, loaded, warnings };
}

const failure = (run: () => unknown): ConfigError => {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

put('DB', 's3cret-db\n');
put('API', 'key');

describe('resolving', () => {
  it('replaces whole texts in objects and lists, and nothing else', () => {
    const given = {
      a: '{{ secret.DB }}',
      b: { c: ['x', '{{secret.API}}', { d: '\t{{ secret.DB }}\n' }] },
      numbers: [0, 1.5, true, null],
    };
    expect(load(given)).toMatchObject({
      config: { a: 's3cret-db', b: { c: ['x', 'key', { d: 's3cret-db' }] }, numbers: [0, 1.5, true, null] },
      warnings: [],
    });
  });

  it('also when the configuration is a text or a list', () => {
    expect(load('{{ secret.DB }}').config).toBe('s3cret-db');
    expect(load(['{{ secret.DB }}']).config).toEqual(['s3cret-db']);
  });

  it('always gives a text, whatever it looks like', () => {
    put('JSON', '{"port": 1}');
    put('NUMBER', '42');
    expect(load(['{{ secret.JSON }}', '{{ secret.NUMBER }}']).config).toEqual(['{"port": 1}', '42']);
  });

  it('is done once: a secret that holds a reference stays as it is, without a warning that would tell of it', () => {
    put('TWICE', '{{ secret.DB }}');
    expect(load('{{ secret.TWICE }}')).toMatchObject({ config: '{{ secret.DB }}', warnings: [] });
  });

  it.each([
    ['empty', '', ''],
    ['blank', ' \n\t', ''],
    ['with a new line at its end', 'x\n', 'x'],
    ['with several lines', '-----BEGIN-----\nabc\n-----END-----\n', '-----BEGIN-----\nabc\n-----END-----'],
    ['with the line ends of Windows', 'a\r\nb\r\n', 'a\r\nb'],
    ['with a byte order mark', '\ufeffx', '\ufeffx'],
    ['with separators that Python calls white space', '\x1c\x85x\x1f', 'x'],
  ])('a file %s', (_name, content, value) => {
    put('FILE', content);
    expect(load('{{ secret.FILE }}').config).toBe(value);
  });

  it('leaves names of members alone, and says so', () => {
    const { config, warnings } = load({ '{{ secret.DB }}': 'x' });
    expect(config).toEqual({ '{{ secret.DB }}': 'x' });
    expect(warnings).toEqual([expect.stringContaining('names of members')]);
  });

  it('leaves near misses alone, and says where and why', () => {
    const given = { url: 'postgres://u:{{ secret.DB }}@h', old: ['{{ secrets.DB }}'], name: '{{secret.a-b}}' };
    const { config, warnings } = load(given);
    expect(config).toEqual(given);
    expect(warnings).toEqual([
      expect.stringMatching(/^config\.url .*whole string/),
      expect.stringMatching(/^config\.old\[0\] .*"secrets\."/),
      expect.stringMatching(/^config\.name .*letters, digits/),
    ]);
  });

  it('touches nothing outside of config, and says so', () => {
    const storage = { url: 'u', endpoint_url: 'e', access_key: 'a', secret_key: '{{ secret.DB }}' };
    const { loaded, warnings } = load({}, { storage });
    expect(loaded.storage).toEqual(storage);
    expect(warnings).toEqual([expect.stringMatching(/^storage\.secret_key .*"config" alone/)]);
  });

  it('keeps a member called __proto__ a member', () => {
    const text = JSON.stringify(whole({})).replace(
      '"config":{}',
      '"config":{"__proto__":{"polluted":"{{ secret.DB }}"}}',
    );
    const { config } = loadConfigFromJson(text, { secretsDirectory: directory });
    expect(Object.getOwnPropertyNames(config)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(config)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe('a secret that cannot be read fails the whole load', () => {
  it('names secret and path when there is no file', () => {
    const { code, message } = failure(() => load({ good: '{{ secret.DB }}', bad: '{{ secret.NONE }}' }));
    expect({ code, message }).toEqual({
      code: 'secret_unreadable',
      message: `Failed to load secret 'NONE' from ${directory}/NONE.secret: ENOENT`,
    });
  });

  it('when it is a directory', () => {
    mkdirSync(join(directory, 'FOLDER.secret'));
    expect(failure(() => load('{{ secret.FOLDER }}')).message).toContain('EISDIR');
  });

  it('when it may not be read', () => {
    put('LOCKED', 'hidden-value');
    chmodSync(join(directory, 'LOCKED.secret'), 0o000);
    // Root reads everything: then the name that is too long stands in for it below.
    if (process.getuid?.() === 0) expect(load('{{ secret.LOCKED }}').config).toBe('hidden-value');
    else expect(failure(() => load('{{ secret.LOCKED }}')).message).toContain('EACCES');
  });

  it('when it is not UTF-8, without showing what it is', () => {
    put('BINARY', Buffer.from([0x68, 0x69, 0xff, 0xfe]));
    const { message } = failure(() => load('{{ secret.BINARY }}'));
    expect(message).toBe(`Failed to load secret 'BINARY' from ${directory}/BINARY.secret: it is not UTF-8`);
  });

  it('when its name is longer than any', () => {
    expect(failure(() => load(`{{ secret.${'x'.repeat(200)} }}`)).code).toBe('secret_unreadable');
  });

  it('and no message ever holds a value', () => {
    put('LEAK', Buffer.concat([Buffer.from('hunter2-'), Buffer.from([0xff])]));
    const error = failure(() => load({ a: '{{ secret.DB }}', b: '{{ secret.LEAK }}' }));
    expect(JSON.stringify([error.message, String(error.cause), error.stack])).not.toMatch(/hunter2|s3cret/);
  });
});

describe('where it comes from', () => {
  const text = JSON.stringify(whole({ a: '{{ secret.API }}' }));
  const secretsDirectory = directory;

  it('is MAKE87_CONFIG, or the variable that is named', () => {
    const env = { MAKE87_CONFIG: text, OTHER: JSON.stringify(whole({ a: 1 })) };
    expect(loadConfigFromEnv(undefined, { env, secretsDirectory }).config).toEqual({ a: 'key' });
    expect(loadConfigFromEnv('OTHER', { env, secretsDirectory }).config).toEqual({ a: 1 });
  });

  it.each([{}, { MAKE87_CONFIG: '' }])('is missing in %j', (env) => {
    const { code, message } = failure(() => loadConfigFromEnv(undefined, { env }));
    expect({ code, message }).toEqual({ code: 'missing', message: 'Required env var MAKE87_CONFIG missing!' });
    expect(failure(() => loadConfigFromEnv('OTHER', { env })).message).toContain('OTHER');
  });

  it('may be a value that was read already', () => {
    expect(loadConfigFromJson(whole({ a: '{{ secret.API }}' }), { secretsDirectory }).config).toEqual({ a: 'key' });
  });

  it('is not repeated when it is no JSON', () => {
    const { code, message } = failure(() => loadConfigFromJson('{"password": "hunter2"'));
    expect(code).toBe('not_json');
    expect(message).not.toContain('hunter2');
  });
});

describe('its shape', () => {
  it('is checked before anything is resolved', () => {
    const { application_info: _info, ...rest } = whole('{{ secret.NONE }}');
    expect(failure(() => loadConfigFromJson(rest, { secretsDirectory: directory })).code).toBe('wrong_shape');
  });

  it.each<[unknown, string]>([
    [[], 'it must be an object'],
    [null, 'it must be an object'],
    [
      { ...whole({}), application_info: { ...info, is_release_version: 'no' } },
      'is_release_version must be true or false',
    ],
    [
      { ...whole({}), application_info: { ...info, system_id: undefined } },
      'application_info.system_id must be a text',
    ],
    [{ ...whole({}), config: undefined }, 'config is missing'],
    [{ ...whole({}), interfaces: [] }, 'interfaces must be an object'],
    [{ ...whole({}), peripherals: {} }, 'peripherals.peripherals must be a list'],
    [{ ...whole({}), peripherals: { peripherals: [{ name: 'camera' }] } }, 'peripherals.peripherals[0].peripheral'],
    [{ ...whole({}), storage: { url: 'hunter2' } }, 'storage.endpoint_url must be a text'],
  ])('%j is wrong: %s', (given, words) => {
    const error = failure(() => loadConfigFromJson(JSON.parse(JSON.stringify(given))));
    expect(error.message).toContain(words);
    expect(error.message).not.toContain('hunter2');
  });

  it('leaves out members it does not know, and takes null for no storage', () => {
    const peripherals = { peripherals: [{ name: 'camera', peripheral: { Camera: { index: 0 } }, more: 1 }] };
    const { loaded } = load({}, { storage: null, peripherals, more: 1 });
    expect(loaded).toEqual({
      application_info: info,
      config: {},
      interfaces: {},
      peripherals: { peripherals: [{ name: 'camera', peripheral: { Camera: { index: 0 } } }] },
      storage: null,
    });
  });
});

describe('a value of the configuration', () => {
  const config = { config: { zero: 0, empty: '', no: false, nothing: null, port: '8080', list: [] } };
  const convert = () => {
    throw new Error('a default is not converted');
  };

  it.each([
    ['zero', 0],
    ['empty', ''],
    ['no', false],
    ['list', []],
  ])('%s is one, though it counts as false', (name, value) => {
    expect(getConfigValue(config, name, { default: 'other' })).toEqual(value);
  });

  it.each(['nothing', 'absent', 'constructor', '__proto__'])('%s is missing', (name) => {
    const { code, message } = failure(() => getConfigValue(config, name));
    expect(code).toBe('key_missing');
    expect(message).toBe(`Configuration key '${name}' not found and no default provided.`);
    expect(getConfigValue(config, name, { default: 'd', converter: convert })).toBe('d');
    expect(getConfigValue(config, name, { default: null, defaultFactory: () => 'made', converter: convert })).toBe(
      'made',
    );
    expect(getConfigValue(config, name, { default: 0, defaultFactory: convert })).toBe(0);
  });

  it('is converted when it was found', () => {
    expect(getConfigValue(config, 'port', { converter: Number })).toBe(8080);
    expect(() => getConfigValue(config, 'port', { default: 1, converter: convert })).toThrow('not converted');
  });

  it.each([['text'], [[1]], [null]])('is not looked for in %j', (value) => {
    expect(failure(() => getConfigValue({ config: value }, 'length')).code).toBe('wrong_shape');
  });
});
