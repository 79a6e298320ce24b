import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { ConfigError } from './errors.js';
import { loadConfig } from './load.js';
import { setting } from './setting.js';

const schema = z.object({
  PORT: setting.port('Where the API listens').default(8080),
  NAME: setting.text('Name of the site'),
  VERBOSE: setting.flag('Log more').default(false),
  ORIGIN: setting.url('Address of the console').optional(),
  NETWORKS: setting.list('Trusted proxies').default([]),
  LEVEL: setting.choice('Log level', ['debug', 'info']).default('info'),
  PEPPER: setting.secret('Keys the key hashes'),
});

const SECRET = 'k8Jd02mzQp51xVtR';
const GOOD = { NAME: 'home', PEPPER: SECRET };

let folder: string;
const file = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function problemsOf(env: Record<string, string>): Record<string, string> {
  try {
    loadConfig(schema, env);
  } catch (error) {
    if (error instanceof ConfigError) {
      return Object.fromEntries(error.problems.map(({ variable, problem }) => [variable, problem]));
    }
    throw error;
  }
  return {};
}

describe('loadConfig', () => {
  it('gives typed values and defaults', () => {
    const env = {
      ...GOOD,
      PORT: '9000',
      VERBOSE: 'yes',
      ORIGIN: 'https://x.example',
      NETWORKS: '10.0.0.0/8, ::1',
      LEVEL: 'debug',
    };
    expect(loadConfig(schema, env)).toEqual({
      NAME: 'home',
      PORT: 9000,
      VERBOSE: true,
      ORIGIN: 'https://x.example',
      NETWORKS: ['10.0.0.0/8', '::1'],
      LEVEL: 'debug',
      PEPPER: SECRET,
    });
    expect(loadConfig(schema, GOOD)).toMatchObject({ PORT: 8080, VERBOSE: false, NETWORKS: [], LEVEL: 'info' });
  });

  it('reports all problems at once, by name, without any value', () => {
    const env = { PORT: '80x', VERBOSE: 'perhaps', ORIGIN: 'ftp://hunter2', LEVEL: 'loudest', PEPPER: 'hunter2' };
    const problems = problemsOf(env);
    expect(Object.keys(problems).sort()).toEqual(['LEVEL', 'NAME', 'ORIGIN', 'PEPPER', 'PORT', 'VERBOSE']);
    expect(problems.NAME).toBe('is required');
    expect(JSON.stringify(problems)).not.toMatch(/hunter2|80x|perhaps|loudest/);
  });

  it('keeps a value out of the message although a schema quotes it', () => {
    const quoting = z.object({ TOKEN: z.string().refine(() => false, { error: (issue) => `bad ${issue.input}` }) });
    expect(() => loadConfig(quoting, { TOKEN: 'hunter2-hunter2' })).toThrow('TOKEN: is not valid');
  });

  it.each(['1e3', '0x50', ' 80', '80.5', '65536', '-1', '9'.repeat(30)])('refuses %j as a port', (text) => {
    expect(problemsOf({ ...GOOD, PORT: text })).toHaveProperty('PORT');
  });

  it.each([
    ['NAME', 'is empty'],
    ['PEPPER', 'is empty'],
  ])('refuses an empty %s', (name, problem) => {
    expect(problemsOf({ ...GOOD, [name]: '' })).toEqual({ [name]: problem });
  });

  it('takes an empty variable with a default as absent, but never an empty secret', () => {
    expect(loadConfig(schema, { ...GOOD, PORT: '', ORIGIN: '' })).toMatchObject({ PORT: 8080 });
    const optional = z.object({ KEY: setting.secret('Optional key').optional() });
    expect(() => loadConfig(optional, { KEY: '' })).toThrow('KEY: is empty');
    expect(loadConfig(optional, {})).toEqual({});
  });

  it.each([
    'changeme-changeme-1',
    'your-secret-key-goes-here',
    'aaaaaaaaaaaaaaaaaaaa',
    '<put the key here>',
    '$PEPPER_KEY_VALUE_HERE',
  ])('refuses the placeholder %j as a secret', (text) => {
    expect(problemsOf({ ...GOOD, PEPPER: text }).PEPPER).toMatch(/placeholder/);
  });
});

describe('a value from a file', () => {
  it('is read, and loses one trailing line break', () => {
    expect(loadConfig(schema, { NAME: 'x', PEPPER_FILE: file('pepper', `${SECRET}\n`) }).PEPPER).toBe(SECRET);
    expect(loadConfig(schema, { ...GOOD, NAME: 'a', PORT_FILE: file('port', '9\r\n') }).PORT).toBe(9);
  });

  it('and from the variable is a problem', () => {
    const problems = problemsOf({ ...GOOD, PEPPER_FILE: file('both', SECRET) });
    expect(problems).toEqual({ PEPPER: 'is set together with PEPPER_FILE; set one' });
  });

  it('must be there, without being a path in the message', () => {
    const problems = problemsOf({ NAME: 'x', PEPPER_FILE: join(folder, 'absent') });
    expect(problems).toEqual({ PEPPER_FILE: 'names a file that cannot be read (ENOENT)' });
  });

  it('must not be a folder, empty, or endless', () => {
    expect(problemsOf({ NAME: 'x', PEPPER_FILE: folder })).toEqual({ PEPPER_FILE: expect.stringContaining('EISDIR') });
    expect(problemsOf({ NAME: 'x', PEPPER_FILE: '' })).toEqual({ PEPPER_FILE: 'is empty' });
    expect(problemsOf({ NAME: 'x', PEPPER_FILE: file('nothing', '\n') })).toEqual({ PEPPER: 'is empty' });
    expect(problemsOf({ NAME: 'x', PEPPER_FILE: '/dev/zero' })).toEqual({
      PEPPER_FILE: expect.stringContaining('larger'),
    });
  });
});
