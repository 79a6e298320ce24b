import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '@gatehouse/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { World } from '../world.js';
import { forgetCredentials, keepApiKey } from './credentials.js';
import { homeFolder } from './folder.js';
import { writePrivateFile } from './private-file.js';
import { readSettings } from './settings.js';

let root: ReturnType<typeof tempDir>;
beforeEach(() => {
  root = tempDir('cli-settings');
});
afterEach(() => root.remove());

const at = (...parts: string[]) => join(root.path, ...parts);
const worldWith = (env: World['env'] = {}) => ({ env, cwd: at('work', 'deep'), home: at('home') }) as World;
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

function put(path: string, value: unknown): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
}

const credentials = (key: string) => ({ credentials: { APIKey: { api_key: key } }, device_credentials: null });

describe('where settings come from', () => {
  it('the defaults, without anything', () => {
    const settings = readSettings({}, worldWith());
    expect(settings).toMatchObject({ url: { value: 'https://localhost:8443' }, trustInvalidCertificate: false });
    expect(settings.apiKey).toBeUndefined();
    expect(settings.ledgerKey.value).toBe(at('home/.config/gatehouse/ledger.vkey'));
  });

  it('the development stack of a folder above, found by its files', () => {
    put(at('work/.gatehouse/cli/credentials.json'), credentials('mas_dev'));
    put(at('work/.gatehouse/cli/config.json'), { url: 'https://localhost:9', ca: '/a/ca.pem', ledgerKey: '/a/l.vkey' });
    expect(readSettings({}, worldWith())).toMatchObject({
      folder: { origin: 'development' },
      url: { value: 'https://localhost:9' },
      ca: { value: '/a/ca.pem' },
      apiKey: { value: 'mas_dev' },
      ledgerKey: { value: '/a/l.vkey' },
    });
  });

  it('its authority lies beside it when config.json does not name one', () => {
    put(at('work/.gatehouse/cli/credentials.json'), credentials('mas_dev'));
    put(at('work/.gatehouse/tls/ca.pem'), 'PEM');
    expect(readSettings({}, worldWith()).ca?.value).toBe(at('work/.gatehouse/tls/ca.pem'));
  });

  it('flags before environment before files; the home folder before a stack; a named folder before both', () => {
    put(at('work/.gatehouse/cli/credentials.json'), credentials('mas_dev'));
    put(at('home/.config/gatehouse/credentials.json'), credentials('mas_home'));
    put(at('home/.config/gatehouse/config.json'), { url: 'https://home' });
    put(at('named/credentials.json'), credentials('mas_named'));
    const env = { GATEHOUSE_URL: 'https://env', GATEHOUSE_API_KEY: ' mas_env\n' };
    expect(readSettings({}, worldWith())).toMatchObject({
      url: { value: 'https://home' },
      apiKey: { value: 'mas_home' },
    });
    expect(readSettings({}, worldWith(env))).toMatchObject({
      url: { value: 'https://env' },
      apiKey: { value: 'mas_env' },
    });
    expect(readSettings({ url: 'https://flag/' }, worldWith(env)).url).toEqual({
      value: 'https://flag',
      from: '--url',
    });
    const named = readSettings({}, worldWith({ GATEHOUSE_CONFIG_DIR: '../../named' }));
    expect(named).toMatchObject({ folder: { path: at('named') }, apiKey: { value: 'mas_named' } });
  });

  it("m87's names of variables, after our own", () => {
    const both = { GATEHOUSE_API_KEY: 'mas_ours', M87_API_KEY: 'mas_theirs' };
    expect(readSettings({}, worldWith(both)).apiKey?.value).toBe('mas_ours');
    expect(readSettings({}, worldWith({ M87_API_KEY: 'mas_theirs' })).apiKey?.value).toBe('mas_theirs');
    expect(readSettings({}, worldWith({ M87_TRUST_INVALID_CERT: '1' })).trustInvalidCertificate).toBe(true);
  });

  it('a damaged file is named, and nothing of it is told', () => {
    put(at('home/.config/gatehouse/credentials.json'), '{"credentials": mas_secret');
    expect(() => readSettings({}, worldWith())).toThrow(
      /credentials\.json cannot be read \(not the JSON it should be\)$/,
    );
  });
});

describe('credentials', () => {
  const folder = () => homeFolder(worldWith());
  const path = () => at('home/.config/gatehouse/credentials.json');

  it('are kept for their owner alone, in folders for their owner alone', () => {
    const umask = process.umask(0);
    try {
      mkdirSync(at('home'), { mode: 0o755 });
      expect(keepApiKey(folder(), 'mas_new')).toBe(path());
    } finally {
      process.umask(umask);
    }
    expect(JSON.parse(readFileSync(path(), 'utf8'))).toEqual(credentials('mas_new'));
    expect([path(), at('home/.config/gatehouse'), at('home/.config')].map(modeOf)).toEqual(['600', '700', '700']);
  });

  it("leave a device's own credentials alone", () => {
    put(path(), { credentials: null, device_credentials: { api_key: 'device-key' } });
    keepApiKey(folder(), 'mas_new');
    expect(JSON.parse(readFileSync(path(), 'utf8'))).toEqual({
      ...credentials('mas_new'),
      device_credentials: { api_key: 'device-key' },
    });
    expect(forgetCredentials(folder())).toBe(true);
    expect(forgetCredentials(folder())).toBe(false);
    expect(JSON.parse(readFileSync(path(), 'utf8')).device_credentials).toEqual({ api_key: 'device-key' });
  });

  it('a readable file becomes private, and a link laid in the way is not followed', () => {
    put(path(), credentials('mas_old'));
    expect(modeOf(path())).not.toBe('600');
    put(at('victim'), 'mine');
    symlinkSync(at('victim'), at('home/.config/gatehouse/linked'));
    writePrivateFile(path(), 'new');
    writePrivateFile(at('home/.config/gatehouse/linked'), 'new');
    expect(modeOf(path())).toBe('600');
    expect(readFileSync(at('victim'), 'utf8')).toBe('mine');
  });
});
