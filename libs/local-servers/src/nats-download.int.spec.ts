import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { natsFromRelease } from './nats-download.js';
import { releasePlatform } from './nats-release.js';

const PROGRAM = '#!/bin/sh\necho "nats-server: v2.14.1"\n';
const NAME = `nats-server-v2.14.1-${releasePlatform()}`;
const silent = () => undefined;

/** One file of a tar archive, as tar writes it: header block, content, padding. */
function tarEntry(name: string, content: string, type = '0'): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(content.length.toString(8).padStart(11, '0'), 124);
  header.write(type, 156);
  const body = Buffer.alloc(Math.ceil(content.length / 512) * 512);
  body.write(content);
  return Buffer.concat([header, body]);
}

const tar = (program: string) =>
  Buffer.concat([
    tarEntry(`${NAME}/`, '', '5'),
    tarEntry(`${NAME}/README.md`, 'read me'),
    tarEntry(`${NAME}/nats-server`, program),
    Buffer.alloc(1024),
  ]);
const archive = gzipSync(tar(PROGRAM));
const sumOf = (data: Buffer) => createHash('sha256').update(data).digest('hex');

let folder: string;
const servers: Server[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-fetch-'));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const fetchFrom = (baseUrl: string, sum = sumOf(archive)) =>
  natsFromRelease(join(folder, 'bin', 'nats-server'), silent, {
    version: '2.14.1',
    baseUrl,
    sha256: { [releasePlatform()]: sum },
  });

const installed = () => existsSync(join(folder, 'bin', 'nats-server'));

describe('natsFromRelease', () => {
  it('installs the program of an archive with the right sum, and leaves nothing else', async () => {
    const asked: (string | undefined)[] = [];
    const base = await serve((request, response) => {
      asked.push(request.url);
      response.end(archive);
    });
    const target = join(folder, 'bin', 'nats-server');
    expect(await fetchFrom(base)).toEqual({ path: target, version: '2.14.1' });
    expect(asked).toEqual([`/v2.14.1/${NAME}.tar.gz`]);
    expect(readdirSync(join(folder, 'bin'))).toEqual(['nats-server']);
  });

  it('follows the redirect of a release page', async () => {
    const base = await serve((request, response) => {
      if (request.url === '/asset') response.end(archive);
      else response.writeHead(302, { location: '/asset' }).end();
    });
    expect((await fetchFrom(base)).version).toBe('2.14.1');
  });

  it('uses nothing of an archive with another sum', async () => {
    const base = await serve((_request, response) => void response.end(archive));
    await expect(fetchFrom(base, sumOf(Buffer.from('other')))).rejects.toMatchObject({ code: 'checksum-mismatch' });
    expect(installed()).toBe(false);
  });

  it('notices a download cut short, announced or not', async () => {
    const half = archive.subarray(0, archive.length / 2);
    const announced = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': archive.length });
      response.write(half, () => response.destroy());
    });
    await expect(fetchFrom(announced)).rejects.toMatchObject({ code: 'download-failed' });
    const silentCut = await serve((_request, response) => void response.end(half));
    await expect(fetchFrom(silentCut)).rejects.toMatchObject({ code: 'checksum-mismatch' });
    expect(installed()).toBe(false);
  });

  it.each([404, 500])('reports HTTP %d', async (status) => {
    const base = await serve((_request, response) => void response.writeHead(status).end('no'));
    await expect(fetchFrom(base)).rejects.toThrow(`could not be fetched: HTTP ${status}`);
  });

  it('refuses an archive without the program, a program that does not run, and one too old', async () => {
    const cases = { other: gzipSync(tarEntry('x', 'y')), broken: gzipSync(tar('#!/bin/false\n')) };
    const old = gzipSync(tar('#!/bin/sh\necho "nats-server: v2.9.25"\n'));
    const base = await serve((request, response) => {
      const variant = request.url?.split('/')[1];
      response.end(variant === 'old' ? old : cases[variant as keyof typeof cases]);
    });
    await expect(fetchFrom(`${base}/other`, sumOf(cases.other))).rejects.toThrow('does not hold');
    await expect(fetchFrom(`${base}/broken`, sumOf(cases.broken))).rejects.toMatchObject({ code: 'no-binary' });
    await expect(fetchFrom(`${base}/old`, sumOf(old))).rejects.toMatchObject({ code: 'binary-too-old' });
    expect(installed()).toBe(false);
  });

  it('has no download for a platform without a pinned sum', async () => {
    const release = { version: '2.14.1', baseUrl: 'http://127.0.0.1:9', sha256: {} };
    const attempt = natsFromRelease(join(folder, 'n'), silent, release);
    await expect(attempt).rejects.toMatchObject({ code: 'no-binary' });
  });
});
