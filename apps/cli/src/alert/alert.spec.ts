import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { tempDir } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { run } from '../run.js';
import { parseRule } from './rules.js';

const rule = { enabled: true, threshold: 20, windowSeconds: 60, quietSeconds: 600 };

describe('a rule on the command line', () => {
  it.each([
    ['denied_principal=5/10/20', { enabled: true, threshold: 5, windowSeconds: 10, quietSeconds: 20 }],
    ['denied_principal=off', { ...rule, enabled: false }],
    ['denied_principal=on', rule],
  ])('%s', (text, expected) => {
    expect(parseRule(text, { denied_principal: rule })).toEqual(['denied_principal', expected]);
  });

  it.each([
    'denied_principal',
    'denied_principal=',
    'denied_principal=5',
    'denied_principal=0/1/1',
    'other=off',
    '=off',
  ])('%j is none', (text) => expect(() => parseRule(text, { denied_principal: rule })).toThrow('--rule'));
});

describe('the commands', () => {
  const folder = tempDir('cli-alert');
  const asked: string[] = [];
  let answers: Record<string, unknown> = {};
  let server: Server;

  beforeAll(async () => {
    server = createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      const what = `${request.method} ${request.url}`;
      asked.push(`${what} ${text}`.trim());
      response.setHeader('content-type', 'application/json').end(JSON.stringify(answers[what] ?? {}));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterAll(() => {
    server.closeAllConnections();
    server.close();
    folder.remove();
  });

  async function call(...argv: string[]) {
    asked.length = 0;
    const written = { out: '', error: '' };
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const exitCode = await run([...argv, '--url', url], {
      env: { GATEHOUSE_API_KEY: 'mas_x' },
      cwd: folder.path,
      home: folder.path,
      stdin: Readable.from([]),
      stdoutIsTerminal: false,
      stdout: process.stdout,
      stderr: process.stderr,
      writeOut: (text) => {
        written.out += text;
      },
      writeError: (text) => {
        written.error += text;
      },
    });
    return { exitCode, asked: [...asked], ...written };
  }

  it('a token stands alone on the output, for a script', async () => {
    answers = { 'GET /api/v1/token?aud=billing': { target_token: 'a.b.c', expires_in: 60 } };
    expect(await call('token', '--audience', 'billing')).toMatchObject({ exitCode: 0, out: 'a.b.c\n' });
  });

  it('a setting changes what is named and keeps the rest', async () => {
    const path = '/api/v1/identity/alerts/settings';
    const before = {
      rules: { a: { ...rule, title: 'A' }, b: { ...rule, title: 'B' } },
      learningDays: 7,
      notifyResolved: true,
    };
    answers = { [`GET ${path}`]: before, [`PUT ${path}`]: before };
    expect((await call('alerts', 'settings')).asked).toEqual([`GET ${path}`]);
    const { asked: calls } = await call(
      'alerts',
      'settings',
      '--rule',
      'a=1/2/3',
      '--rule',
      'b=off',
      '--learning-days',
      '0',
    );
    const changed = { ...rule, threshold: 1, windowSeconds: 2, quietSeconds: 3 };
    const rules = { a: changed, b: { ...rule, enabled: false } };
    expect(calls[1]).toBe(`PUT ${path} ${JSON.stringify({ rules, learningDays: 0, notifyResolved: true })}`);
  });

  it('a channel is found by its name', async () => {
    const path = '/api/v1/identity/alerts/channels';
    answers = { [`GET ${path}`]: { channels: [{ channelId: 'c-1', name: 'pager' }] } };
    expect((await call('alerts', 'channels', 'remove', 'pager')).asked).toEqual([`GET ${path}`, `DELETE ${path}/c-1`]);
    expect(await call('alerts', 'channels', 'test', 'other')).toMatchObject({ exitCode: 1 });
    expect(await call('alerts', 'channels', 'add', 'x')).toMatchObject({ exitCode: 2, asked: [] });
  });

  it('an id cannot leave its place in the address', async () => {
    const { asked: calls } = await call('alerts', 'ack', '../channels/x?y');
    expect(calls).toEqual(['POST /api/v1/identity/alerts/..%2Fchannels%2Fx%3Fy/acknowledge']);
  });
});
