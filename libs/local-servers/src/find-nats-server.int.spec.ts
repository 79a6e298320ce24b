import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findNatsServer, installedNatsServer } from './find-nats-server.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-find-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function fakeNats(path: string, version: string): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\necho "nats-server: v${version}"\n`);
  chmodSync(file, 0o755);
  return file;
}

const environment = (path: string[] = []) => ({
  PATH: path.map((each) => join(folder, each)).join(':'),
  XDG_CACHE_HOME: join(folder, 'cache'),
});

describe('installedNatsServer', () => {
  it('takes the first on PATH that is new enough, and says why it passed one over', async () => {
    fakeNats('a/nats-server', '2.9.25');
    const good = fakeNats('b/nats-server', '2.10.27');
    const reports: string[] = [];
    const found = await installedNatsServer(environment(['none', 'a', 'b']), (message) => reports.push(message));
    expect(found).toEqual({ path: good, version: '2.10.27' });
    expect(reports).toEqual([expect.stringContaining('nats-server 2.9.25, too old')]);
  });

  it('falls back to the cache', async () => {
    const cached = fakeNats('cache/gatehouse/bin/nats-server', '2.15.1');
    expect(await installedNatsServer(environment())).toEqual({ path: cached, version: '2.15.1' });
  });

  it.each([
    ['3.0.0', true],
    ['2.10.0-RC.1', true],
    ['2.9.99', false],
    ['1.99.0', false],
  ])('version %s usable: %s', async (version, usable) => {
    fakeNats('a/nats-server', version);
    expect((await installedNatsServer(environment(['a']))) !== undefined).toBe(usable);
  });

  it('insists on NATS_SERVER_BIN when it is set', async () => {
    const good = fakeNats('b/nats-server', '2.12.0');
    const old = fakeNats('old', '2.9.0');
    expect(await installedNatsServer({ ...environment(), NATS_SERVER_BIN: good })).toMatchObject({ path: good });
    const choose = (path: string) => installedNatsServer({ ...environment(['b']), NATS_SERVER_BIN: path });
    await expect(choose(old)).rejects.toMatchObject({ code: 'binary-too-old' });
    await expect(choose(join(folder, 'nothing'))).rejects.toMatchObject({ code: 'no-binary' });
  });
});

describe('findNatsServer', () => {
  it('says everything it tried when nothing can be had', async () => {
    const search = findNatsServer({
      consent: () => Promise.resolve(false),
      env: environment(),
      release: { version: '2.14.1', baseUrl: 'http://127.0.0.1:9', sha256: {} },
    });
    await expect(search).rejects.toThrow(/no nats-server 2.10 or newer.*is pinned for.*NATS_SERVER_BIN/s);
  });
});
