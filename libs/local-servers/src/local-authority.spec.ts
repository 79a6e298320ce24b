import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { newAuthorityPem, newServerPem } from './certificates.js';
import { createLocalAuthority } from './local-authority.js';

const DAY_MS = 86_400_000;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-tls-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Connects by TLS and gives the error of a refused certificate, or `accepted`. */
async function handshake(cert: string, key: string, ca: string, servername: string): Promise<string> {
  const server = createServer({ cert, key }, (socket) => socket.end());
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const result = await new Promise<string>((done) => {
    const socket = connect({ host: '127.0.0.1', port, ca, servername }, () => {
      socket.destroy();
      done('accepted');
    });
    socket.on('error', (error) => done(error.message));
  });
  await new Promise((closed) => server.close(closed));
  return result;
}

describe('createLocalAuthority', () => {
  it('makes a certificate that a client trusting the authority accepts for localhost', async () => {
    const made = await createLocalAuthority(folder);
    expect(made.renewed).toBe('authority');
    const [cert, key, ca] = [made.certFile, made.keyFile, made.caFile].map((file) => readFileSync(file, 'utf8'));
    expect(await handshake(cert ?? '', key ?? '', ca ?? '', 'localhost')).toBe('accepted');
    const server = new X509Certificate(cert ?? '');
    expect(server.checkIP('127.0.0.1') && server.checkIP('::1')).toBeTruthy();
    expect(new X509Certificate(ca ?? '').fingerprint256).toBe(made.fingerprint);
  });

  it('keeps private keys to the owner', async () => {
    const { keyFile } = await createLocalAuthority(folder);
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'ca.key')).mode & 0o777).toBe(0o600);
  });

  it('keeps everything on the next start, and renews the server certificate with less than 30 days left', async () => {
    const start = new Date('2026-01-01T00:00:00Z');
    const first = await createLocalAuthority(folder, { now: start, extraNames: ['gate.lan', '10.1.2.3', 'fd00::7'] });
    const again = { extraNames: ['gate.lan', '10.1.2.3', 'fd00::7'] };
    const early = new Date(first.expiresAt.getTime() - 31 * DAY_MS);
    expect(await createLocalAuthority(folder, { ...again, now: early })).toEqual({ ...first, renewed: 'nothing' });
    const late = new Date(first.expiresAt.getTime() - 29 * DAY_MS);
    const renewed = await createLocalAuthority(folder, { ...again, now: late });
    expect(renewed).toMatchObject({ renewed: 'server', fingerprint: first.fingerprint });
    expect(renewed.expiresAt.getTime()).toBeGreaterThan(first.expiresAt.getTime());
  });

  it('makes a new authority for a name the old one may not certify', async () => {
    const first = await createLocalAuthority(folder);
    const second = await createLocalAuthority(folder, { extraNames: ['gate.lan'] });
    expect(second.renewed).toBe('authority');
    expect(second.fingerprint).not.toBe(first.fingerprint);
  });

  it('replaces a certificate that does not belong to its key', async () => {
    const { keyFile } = await createLocalAuthority(folder);
    chmodSync(join(folder, 'ca.key'), 0o600);
    writeFileSync(keyFile, readFileSync(join(folder, 'ca.key')));
    expect((await createLocalAuthority(folder)).renewed).toBe('server');
  });
});

describe('a stolen authority', () => {
  it.each([
    ['localhost', 'accepted'],
    ['api.localhost', 'accepted'],
    ['bank.example', 'permitted subtree violation'],
    ['notlocalhost', 'permitted subtree violation'],
  ])('signing for %s: %s', async (name, verdict) => {
    const now = new Date();
    const authority = await newAuthorityPem({ dns: ['localhost'], ip: ['127.0.0.1'] }, now, 3650);
    const server = await newServerPem(authority, [name], now, 30);
    expect(await handshake(server.certificate, server.privateKey, authority.certificate, name)).toBe(verdict);
  });
});
