import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { configTable, describeConfig } from './describe.js';
import { setting } from './setting.js';

const schema = z.object({
  PORT: setting.port('Where the API listens').default(8080),
  LEVEL: setting.choice('Log level', ['debug', 'info']).default('info'),
  PEPPER: setting.secret('Keys the key hashes'),
  ORIGIN: setting.url('Address of the console').optional(),
});

describe('describeConfig', () => {
  it('tells meaning, default and need of every variable, through the wrappers', () => {
    expect(describeConfig(schema)).toEqual([
      {
        variable: 'PORT',
        meaning: 'Where the API listens',
        accepts: '0..65535',
        required: false,
        secret: false,
        defaultText: '8080',
      },
      {
        variable: 'LEVEL',
        meaning: 'Log level',
        accepts: 'debug|info',
        required: false,
        secret: false,
        defaultText: 'info',
      },
      {
        variable: 'PEPPER',
        meaning: 'Keys the key hashes',
        accepts: 'at least 16 characters',
        required: true,
        secret: true,
        defaultText: '',
      },
      {
        variable: 'ORIGIN',
        meaning: 'Address of the console',
        accepts: 'http:// https://',
        required: false,
        secret: false,
        defaultText: '',
      },
    ]);
  });

  it('becomes a Markdown table', () => {
    const lines = configTable(describeConfig(schema)).trimEnd().split('\n');
    expect(lines).toHaveLength(6);
    expect(lines[3]).toBe('| `LEVEL` | Log level | debug\\|info | info |');
    expect(lines[4]).toBe(
      '| `PEPPER` (secret, or `PEPPER_FILE`) | Keys the key hashes | at least 16 characters | required |',
    );
  });
});
