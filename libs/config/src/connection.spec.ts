import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { connectionFromEnv } from './connection.js';
import { ConfigError, loadTogether } from './errors.js';
import { loadConfig } from './load.js';
import { setting } from './setting.js';

const URL_ONLY = 'postgres://audit@db.internal:5433/gatehouse?application_name=audit';

describe('connectionFromEnv', () => {
  it('puts a password kept apart into the URL, whatever it consists of', () => {
    const password = 'p@/:%w0rd ü?#';
    const { url } = connectionFromEnv({ DATABASE_URL: URL_ONLY, DATABASE_PASSWORD: password }, 'DATABASE');
    const parsed = new URL(url);
    expect(decodeURIComponent(parsed.password)).toBe(password);
    expect([parsed.username, parsed.host, parsed.pathname]).toEqual(['audit', 'db.internal:5433', '/gatehouse']);
  });

  it('takes a URL with its password, and one without any', () => {
    expect(connectionFromEnv({ NATS_URL: 'nats://u:Kd82mzpq@bus:4222' }, 'NATS').url).toBe(
      'nats://u:Kd82mzpq@bus:4222',
    );
    expect(connectionFromEnv({ NATS_URL: 'nats://bus:4222' }, 'NATS').url).toBe('nats://bus:4222');
  });

  it('shows itself without the password, however it is printed', () => {
    const connection = connectionFromEnv({ DATABASE_URL: URL_ONLY, DATABASE_PASSWORD: 'Kd82mzpq' }, 'DATABASE');
    expect(connection.display).toBe('postgres://audit@db.internal:5433/gatehouse');
    for (const text of [
      JSON.stringify({ connection }),
      inspect({ connection }),
      `${connection}`,
      JSON.stringify({ ...connection }),
    ]) {
      expect(text).toContain('db.internal');
      expect(text).not.toContain('Kd82mzpq');
    }
  });

  it.each([
    ['no URL', {}, 'DATABASE_URL: is required'],
    ['an empty URL', { DATABASE_URL: '' }, 'DATABASE_URL: is empty'],
    ['no URL but text', { DATABASE_URL: 'hunter2' }, 'DATABASE_URL: is not a URL'],
    ['an empty password', { DATABASE_URL: URL_ONLY, DATABASE_PASSWORD: '' }, 'DATABASE_PASSWORD: is empty'],
    [
      'two passwords',
      { DATABASE_URL: 'pg://a:hunter2@h/d', DATABASE_PASSWORD: 'Kd82mzpq' },
      'DATABASE_PASSWORD: is also part',
    ],
    ['a default password', { DATABASE_URL: 'pg://a:postgres@h/d' }, 'DATABASE_URL: has a published default'],
    [
      'a placeholder',
      { DATABASE_URL: URL_ONLY, DATABASE_PASSWORD: 'changeme' },
      'DATABASE_PASSWORD: has a published default',
    ],
    ['a password without a host', { DATABASE_URL: 'pg:///d?host=/tmp', DATABASE_PASSWORD: 'Kd82mzpq' }, 'needs a host'],
  ])('refuses %s', (_name, env, message) => {
    const load = () => connectionFromEnv(env, 'DATABASE');
    expect(load).toThrow(message);
    expect(load).not.toThrow(/hunter2|Kd82mzpq/);
  });
});

describe('loadTogether', () => {
  const schema = z.object({ PORT: setting.port('Where the API listens') });

  it('joins the problems of all loaders', () => {
    const load = () =>
      loadTogether({ settings: () => loadConfig(schema, {}), database: () => connectionFromEnv({}, 'DATABASE') });
    expect(load).toThrow(ConfigError);
    expect(load).toThrow(/PORT: is required\n.*DATABASE_URL: is required/);
  });

  it('gives each value under its name', () => {
    const { settings, database } = loadTogether({
      settings: () => loadConfig(schema, { PORT: '1' }),
      database: () => connectionFromEnv({ DATABASE_URL: URL_ONLY }, 'DATABASE'),
    });
    expect([settings.PORT, database.display]).toEqual([1, 'postgres://audit@db.internal:5433/gatehouse']);
  });

  it('does not hide other errors', () => {
    expect(() => loadTogether({ broken: () => JSON.parse('{') })).toThrow(SyntaxError);
  });
});
