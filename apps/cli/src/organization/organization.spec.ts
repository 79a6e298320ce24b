import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { tempDir } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { run } from '../run.js';
import { hoursOf } from './invite.js';

const base = '/api/v1/identity';
const ann = { userId: '0190a1b2-0000-7000-8000-000000000001', role: 'viewer', addedAt: '2026-11-22T00:00:00.000Z' };
const tenant = { tenantId: 'acme', name: 'Acme', kind: 'organization', status: 'active' };
const shown = { ...tenant, settings: { requireSecondFactor: true }, role: 'owner' };

describe('how long an invitation works', () => {
  it.each([
    ['1h', 1],
    ['7d', 168],
    ['30d', 720],
  ])('%s', (text, hours) => expect(hoursOf(text)).toBe(hours));

  it.each(['30m', '31d', 'soon', '0h'])('%s is refused', (text) => expect(() => hoursOf(text)).toThrow('--expires'));
});

describe('the commands', () => {
  const folder = tempDir('cli-org');
  const asked: string[] = [];
  let answers: Record<string, unknown> = {};
  let server: Server;

  beforeAll(async () => {
    server = createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      const what = `${request.method} ${request.url?.split('?')[0]}`;
      asked.push(`${request.headers['x-tenant-id'] ?? '-'} ${what} ${text}`.trim());
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
    const exitCode = await run(['org', ...argv, '--utc', '--url', url], {
      env: { GATEHOUSE_API_KEY: 'mau_x' },
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

  it('list tenants as a table, or as JSON', async () => {
    const tenants = [{ ...tenant, role: 'owner', addedAt: ann.addedAt }];
    answers = { [`GET ${base}/tenants`]: { tenants, nextCursor: null } };
    const { out } = await call('list');
    expect(out.split('\n').slice(0, 2)).toEqual([
      expect.stringMatching(/^ID +NAME +KIND +MY ROLE +SINCE$/),
      expect.stringMatching(/^acme +Acme +organization +owner +2026-11-22/),
    ]);
    expect(JSON.parse((await call('list', '--json')).out)).toEqual({ tenants });
  });

  it('make, show and rename an organization, in the one that is chosen', async () => {
    answers = {
      [`POST ${base}/organizations`]: shown,
      [`GET ${base}/tenant`]: shown,
      [`PATCH ${base}/tenant`]: shown,
    };
    const made = await call('create', 'acme', 'Acme');
    expect(made.asked).toEqual([`- POST ${base}/organizations {"id":"acme","name":"Acme"}`]);
    expect(made.out).toMatch(/second factor +required/);
    expect((await call('show', '--org', 'acme')).asked).toEqual([`acme GET ${base}/tenant`]);
    expect((await call('rename', 'New', '--org', 'acme')).asked).toEqual([`acme PATCH ${base}/tenant {"name":"New"}`]);
  });

  it('close only what is named and confirmed', async () => {
    answers = { [`POST ${base}/tenant/close`]: shown };
    expect(await call('close', 'acme')).toMatchObject({ exitCode: 2, asked: [] });
    expect((await call('close', 'acme', '--yes')).asked).toEqual([`acme POST ${base}/tenant/close {}`]);
  });

  it('find a member by address or id, and nobody else', async () => {
    answers = {
      [`GET ${base}/members`]: { members: [{ ...ann, email: 'Ann@example.org' }], nextCursor: null },
      [`PATCH ${base}/members/${ann.userId}`]: { ...ann, role: 'admin' },
      [`DELETE ${base}/members/${ann.userId}`]: ann,
      [`POST ${base}/tenant/transfer`]: { ...ann, role: 'owner' },
    };
    const changed = await call('role', 'ann@example.org', 'admin', '--org', 'acme');
    expect(changed.asked[1]).toBe(`acme PATCH ${base}/members/${ann.userId} {"role":"admin"}`);
    expect(changed.out).toBe('Ann@example.org is admin\n');
    expect((await call('remove', ann.userId, '--org', 'acme')).asked[1]).toBe(
      `acme DELETE ${base}/members/${ann.userId}`,
    );
    expect((await call('transfer', ann.userId)).asked[1]).toBe(`- POST ${base}/tenant/transfer {"to":"${ann.userId}"}`);
    expect(await call('remove', 'bob@example.org')).toMatchObject({ exitCode: 1 });
    expect((await call('members')).out).toMatch(/Ann@example\.org +viewer/);
  });

  it('invite, and leave', async () => {
    answers = { [`POST ${base}/invitations`]: { invitationId: 'i', role: 'user', expiresAt: ann.addedAt } };
    const invited = await call(
      'invite',
      'a@b.org',
      '--role',
      'user',
      '--team',
      'web',
      '--expires',
      '2d',
      '--org',
      'acme',
    );
    const body = { email: 'a@b.org', role: 'user', teamIds: ['web'], expiresInHours: 48 };
    expect(invited.asked).toEqual([`acme POST ${base}/invitations ${JSON.stringify(body)}`]);
    expect(invited.out).toMatch(/^a@b\.org is invited as user until 2026-11-22/);
    expect((await call('leave', 'acme')).asked).toEqual([`acme POST ${base}/members/leave`]);
  });
});
