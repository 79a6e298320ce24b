import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { dataFolder } from './data-folder.js';
import { curlLine, readFirstOwner, setupUrl, writeOperatorFiles } from './first-owner.js';

const owner = {
  tenantId: 't_1',
  ownerId: "u_o'1",
  setupToken: 'gst_abc',
  setupExpiresAt: '2026-01-02T00:00:00Z',
  operatorKey: `mas_${'a'.repeat(54)}`,
};
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'gatehouse-owner-'));
});
afterEach(() => rmSync(root, { recursive: true }));

describe('writeOperatorFiles', () => {
  it('writes two files of the owner once, and leaves what was changed since', () => {
    const folder = dataFolder(root);
    writeOperatorFiles(folder, owner);
    expect(JSON.parse(readFileSync(folder.credentials, 'utf8'))).toEqual({
      credentials: { APIKey: { api_key: owner.operatorKey } },
      device_credentials: null,
    });
    expect(readFileSync(folder.curlHeader, 'utf8')).toBe(`Authorization: Bearer ${owner.operatorKey}\n`);
    for (const file of [folder.credentials, folder.curlHeader]) expect(statSync(file).mode & 0o777).toBe(0o600);
    writeFileSync(folder.credentials, '{}');
    writeOperatorFiles(folder, owner);
    expect(readFileSync(folder.credentials, 'utf8')).toBe('{}');
  });
});

describe('readFirstOwner', () => {
  it('is undefined before the first start, and explains a damaged file', () => {
    const folder = dataFolder(root);
    expect(readFirstOwner(folder)).toBeUndefined();
    writeFileSync(folder.firstOwner, '{"tenantId":');
    expect(() => readFirstOwner(folder)).toThrow(/is damaged/);
  });
});

describe('setupUrl', () => {
  it.each([
    ['2026-01-01T23:59:59Z', 'https://localhost:8443/setup#gst_abc'],
    ['2026-01-02T00:00:00Z', undefined],
  ])('at %s: %s', (now, expected) => {
    expect(setupUrl(owner, 'https://localhost:8443', new Date(now))).toBe(expected);
  });
});

describe('curlLine', () => {
  it('is one shell command without the key, whatever the names hold', () => {
    const folder = dataFolder(join(root, "it's here"));
    const line = curlLine(owner, folder, join(folder.tls, 'ca.pem'), 'https://localhost:8443', '/elsewhere');
    expect(line).not.toContain(owner.operatorKey);
    const shown = execFileSync('sh', ['-c', `curl() { printf '%s\\n' "$@"; }; ${line}`], { encoding: 'utf8' });
    expect(shown.trim().split('\n')).toEqual([
      '--cacert',
      join(root, "it's here/tls/ca.pem"),
      '-H',
      `@${join(root, "it's here/curl.header")}`,
      '-H',
      'content-type: application/json',
      '-d',
      expect.stringContaining(`"id":"u_o'1"`),
      'https://localhost:8443/access/v1/evaluation',
    ]);
  });

  it('names files from where the person stands', () => {
    const line = curlLine(
      owner,
      dataFolder(join(root, '.gatehouse')),
      join(root, '.gatehouse/tls/ca.pem'),
      'https://x',
      root,
    );
    expect(line).toContain('--cacert .gatehouse/tls/ca.pem -H @.gatehouse/curl.header');
  });
});
