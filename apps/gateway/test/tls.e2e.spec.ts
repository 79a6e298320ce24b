import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type DetailedPeerCertificate } from 'node:tls';
import { readCertificate } from '@gatehouse/http';
import { createLocalAuthority } from '@gatehouse/local-servers';
import { tempDir, waitFor } from '@gatehouse/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Service, startService, startTestGateway, type TestGateway } from './gateway.fixture.js';

let service: Service;
let gate: TestGateway;

beforeEach(async () => {
  service = await startService();
  gate = await startTestGateway({
    upstreams: { identity: service.url, policy: service.url, vault: service.url, audit: service.url },
  });
});

afterEach(async () => {
  await gate.stop();
  await service.close();
});

const serialOf = (servername: string) =>
  new Promise<string>((resolve, reject) => {
    const options = { host: '127.0.0.1', port: gate.port, ca: gate.ca, ...(servername && { servername }) };
    const socket = connect(options, () => {
      const { serialNumber } = socket.getPeerCertificate() as DetailedPeerCertificate;
      socket.destroy();
      resolve(serialNumber);
    });
    socket.on('error', reject);
  });

/** Another certificate of the same authority. */
async function renew(): Promise<{ cert: Buffer; key: Buffer }> {
  rmSync(join(gate.tls, 'server.pem'));
  const { certFile, keyFile } = await createLocalAuthority(gate.tls);
  return { cert: readFileSync(certFile), key: readFileSync(keyFile) };
}

describe('the certificate', () => {
  it('is replaced without a restart, with a name and without one; open connections go on', async () => {
    const before = await serialOf('localhost');
    await renew();
    await waitFor(async () => (await serialOf('localhost')) !== before);
    expect(await serialOf('')).toBe(await serialOf('localhost'));
    expect((await gate.ask('/api/v1/identity/me')).status).toBe(200);
  });

  it('stays the old one while the files do not belong together, and says so', async () => {
    const before = await serialOf('localhost');
    const old = { key: readFileSync(join(gate.tls, 'server.key')) };
    const fresh = await renew();
    writeFileSync(join(gate.tls, 'server.key'), old.key);
    await waitFor(() => gate.lines.some((line) => line.includes('is not the key of the certificate')));
    expect(gate.lines.join('')).not.toContain('PRIVATE KEY');
    expect([before, await serialOf('localhost')]).toHaveLength(2);
    writeFileSync(join(gate.tls, 'server.key.new'), fresh.key, { mode: 0o600 });
    renameSync(join(gate.tls, 'server.key.new'), join(gate.tls, 'server.key'));
    await waitFor(async () => (await serialOf('localhost')) !== before);
  });

  it('needs TLS 1.2 at least', async () => {
    const attempt = (version: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3') =>
      new Promise<string>((resolve) => {
        const limits = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' } as const;
        const socket = connect({ host: 'localhost', port: gate.port, ca: gate.ca, ...limits }, () => {
          resolve(socket.getProtocol() ?? '');
          socket.destroy();
        });
        socket.on('error', () => resolve('refused'));
      });
    expect(await attempt('TLSv1.1')).toBe('refused');
    expect(await attempt('TLSv1.2')).toBe('TLSv1.2');
    expect(await attempt('TLSv1.3')).toBe('TLSv1.3');
  });
});

describe('readCertificate', () => {
  it('says what is wrong with the files and nothing of the key', async () => {
    const folder = tempDir('certificate');
    try {
      const { certFile, keyFile } = await createLocalAuthority(folder.path);
      const other = await createLocalAuthority(join(folder.path, 'other'));
      const now = new Date();
      expect(readCertificate({ certFile, keyFile }, now).notAfter.getTime()).toBeGreaterThan(now.getTime());
      expect(() => readCertificate({ certFile, keyFile: other.keyFile }, now)).toThrow('is not the key of');
      expect(() => readCertificate({ certFile: keyFile, keyFile }, now)).toThrow('holds no certificate in PEM');
      expect(() => readCertificate({ certFile, keyFile: certFile }, now)).toThrow('holds no private key in PEM');
      expect(() => readCertificate({ certFile: `${certFile}.none`, keyFile }, now)).toThrow('cannot be read (ENOENT)');
      const late = new Date(Date.now() + 400 * 86_400_000);
      expect(() => readCertificate({ certFile, keyFile }, late)).toThrow('has expired on');
    } finally {
      folder.remove();
    }
  });
});
