import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { frameTypes, logLine, metricsSample, type OpenMessage } from '@gatehouse/session';
import { tempDir, waitFor } from '@gatehouse/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { z } from 'zod';
import { testHost } from '../host.fixture.js';
import { RuntimeLog } from '../log/runtime-log.js';
import { serveRecording } from '../recording/serve-recording.js';
import { TestClient } from '../stream/client.fixture.js';
import { journalArguments, parseJournalLine } from './journal.js';
import { serveLogs } from './logs.js';
import { MetricsProducer, serveMetrics } from './metrics.js';
import { networkRates, parseCpus, parseMemory, parseMounts, parseNetwork } from './read-metrics.js';

let test: ReturnType<typeof testHost>;
beforeAll(() => {
  test = testHost();
});
afterAll(() => test.end());
const clients: TestClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.revoke();
});

type Line = z.infer<typeof logLine>;
type Sample = z.infer<typeof metricsSample>;
type Logs = Extract<OpenMessage, { kind: 'logs' }>;
const kept = <C extends TestClient>(client: C): C => {
  clients.push(client);
  return client;
};
const textsOf = (client: TestClient) => client.messages<Line>(frameTypes.message).map(({ text }) => text);

describe('the log of the runtime', () => {
  const logs = (open: Partial<Logs>) =>
    kept(
      new TestClient(
        serveLogs(test.host, () => false),
        { kind: 'logs', follow: false, ...open },
      ),
    );

  it('is told from its end, of a time, and as it goes on', async () => {
    let now = 1_000;
    const log = new RuntimeLog(
      join(test.root.path, 'times.log'),
      () => undefined,
      () => now,
    );
    for (const text of ['one', 'two', 'three', 'four']) {
      log.write(6, text);
      now += 1_000;
    }
    const of = (open: Partial<Logs>) =>
      kept(
        new TestClient(
          serveLogs({ ...test.host, log }, () => false),
          { kind: 'logs', follow: false, ...open },
        ),
      );
    const texts = async (open: Partial<Logs>) => {
      const client = of(open);
      await client.end();
      for (const line of client.messages(frameTypes.message)) expect(logLine.safeParse(line).success).toBe(true);
      return textsOf(client);
    };
    expect(await texts({})).toEqual(['one', 'two', 'three', 'four']);
    expect(await texts({ tail: 2 })).toEqual(['three', 'four']);
    expect(await texts({ tail: 0 })).toEqual([]);
    expect(await texts({ sinceMs: 2_000, untilMs: 3_000 })).toEqual(['two', 'three']);
    const following = of({ follow: true, tail: 1 });
    await following.until(() => textsOf(following).length === 1);
    log.write(3, 'five');
    await following.until(() => textsOf(following).length === 2);
    expect(following.messages<Line>(frameTypes.message).at(-1)).toMatchObject({ text: 'five', priority: 3 });
  });

  it('outlives the runtime, is for its owner alone, and does not grow for ever', () => {
    const path = join(test.root.path, 'kept.log');
    new RuntimeLog(path, () => undefined).write(6, 'before');
    writeFileSync(path, `${readFileSync(path, 'utf8')}half a li`);
    const log = new RuntimeLog(path, () => undefined);
    expect(log.records().map(({ text }) => text)).toEqual(['before']);
    for (let i = 0; i < 3_000; i++) log.write(6, 'x'.repeat(4_000));
    expect(readFileSync(path).length).toBeLessThan(9 * 1024 * 1024);
    expect(log.records().at(-1)?.text).toBe('x'.repeat(4_000));
  });

  it('is all there is without a journal', async () => {
    expect(await logs({ units: ['ssh.service'] }).end()).toMatchObject({ code: 'unsupported' });
  });
});

describe('the journal', () => {
  it('of an entry we tell time, unit, priority and text', () => {
    const fields = { __REALTIME_TIMESTAMP: '1700000000123456', PRIORITY: '3', _SYSTEMD_UNIT: 'ssh.service' };
    expect(parseJournalLine(JSON.stringify({ ...fields, MESSAGE: 'hi' }))).toEqual({
      ...{ at: 1_700_000_000_123, unit: 'ssh', priority: 3, text: 'hi' },
    });
    expect(parseJournalLine(JSON.stringify({ ...fields, MESSAGE: [104, 105, 255] }))?.text).toBe('hi\ufffd');
    expect(parseJournalLine(JSON.stringify({ ...fields, MESSAGE: null }))?.text).toBe('');
    expect(parseJournalLine('-- No entries --')).toBeUndefined();
  });

  it('is asked for what was wanted', () => {
    const wanted = {
      kind: 'logs',
      follow: true,
      tail: 5,
      sinceMs: 1_500,
      untilMs: 2_000,
      units: ['a.service'],
    } as const;
    expect(journalArguments({ ...wanted, units: [...wanted.units] })).toEqual([
      ...[
        '--output=json',
        '--no-pager',
        '--quiet',
        '--all',
        '--lines=5',
        '--follow',
        '--since=@1.500',
        '--until=@2.000',
      ],
      '--unit=a.service',
    ]);
    expect(journalArguments({ kind: 'logs', follow: false })).toContain('--unit=gatehouse-runtime');
  });

  it('is read as it comes, and its program ends with the session', async () => {
    const bin = tempDir('journal');
    const program = join(bin.path, 'journalctl');
    const line = JSON.stringify({ __REALTIME_TIMESTAMP: '1000000', MESSAGE: 'entry', _SYSTEMD_UNIT: 'x.service' });
    writeFileSync(program, `#!/bin/sh\necho $$ > ${bin.path}/pid\necho '${line}'\nexec sleep 1000\n`);
    chmodSync(program, 0o755);
    const host = { ...test.host, env: { PATH: `${bin.path}:${process.env.PATH}` } };
    const client = kept(
      new TestClient(
        serveLogs(host, () => true),
        { kind: 'logs', follow: true },
      ),
    );
    await client.until(() => textsOf(client).includes('entry'));
    const pid = Number(readFileSync(join(bin.path, 'pid'), 'utf8'));
    client.revoke();
    await waitFor(() => {
      try {
        return !process.kill(pid, 0);
      } catch {
        return true;
      }
    });
    writeFileSync(program, '#!/bin/sh\necho "no access" >&2\nexit 1\n');
    const failing = kept(
      new TestClient(
        serveLogs(host, () => true),
        { kind: 'logs', follow: false },
      ),
    );
    expect(await failing.end()).toMatchObject({ code: 'io', detail: expect.stringContaining('no access') });
    bin.remove();
  });
});

describe('metrics', () => {
  it('are bytes where they say so, and shares of time', () => {
    expect(parseMemory('MemTotal:       1000 kB\nMemFree: 1 kB\nMemAvailable:    400 kB\n')).toEqual({
      ...{ totalBytes: 1_024_000, usedBytes: 614_400 },
    });
    expect(parseCpus('cpu  10 0 10 70 10 0 0 0 5 0\ncpu0 1 1 1 1 1 1 1 1 0 0\nintr 5\n')).toEqual([
      ...[
        { busy: 20, total: 100 },
        { busy: 6, total: 8 },
      ],
    ]);
    const mounts =
      '/dev/a / ext4 rw 0 0\n/dev/a /again ext4 rw 0 0\nnas:/x /nas nfs4 rw 0 0\n/dev/b /my\\040disk xfs rw 0 0\n';
    expect(parseMounts(mounts)).toEqual(['/', '/my disk']);
    const dev = 'Inter-| Receive\n face |bytes\n    lo: 5 0 0 0 0 0 0 0 5 0\n  eth0: 3000 0 0 0 0 0 0 0 500 0 0\n';
    const before = { atMs: 0, cpus: [], network: new Map([['eth0', { rxBytes: 1_000, txBytes: 900 }]]) };
    expect(networkRates(before, { atMs: 2_000, cpus: [], network: parseNetwork(dev) })).toEqual([
      ...[{ name: 'eth0', rxBytesPerSecond: 1_000, txBytesPerSecond: 0 }],
    ]);
  });

  it('are read once for all who look, each at its pace, and not at all for nobody', async () => {
    const producer = new MetricsProducer();
    const watch = (intervalMs: number, count?: number) =>
      kept(new TestClient(serveMetrics(producer), { kind: 'metrics', intervalMs, ...(count && { count }) }));
    const samplesOf = (client: TestClient) => client.messages<Sample>(frameTypes.message);
    const [first, second] = [watch(250, 3), watch(250, 3)];
    await Promise.all([first.end(), second.end()]);
    expect(samplesOf(first)).toEqual(samplesOf(second));
    expect(samplesOf(first).length).toBe(3);
    expect(producer.reads).toBe(3);
    for (const sample of samplesOf(first)) {
      expect(metricsSample.safeParse(sample).success).toBe(true);
      expect(Math.abs(sample.memory.totalBytes / totalmem() - 1)).toBeLessThan(0.01);
      expect(sample.cpu.usagePercent).toBeGreaterThanOrEqual(0);
      expect(sample.cpu.usagePercent).toBeLessThanOrEqual(100);
    }
  });
});

describe('a recording that is asked for', () => {
  const sessionId = '0d4d8d70-3f0a-4a3c-9d39-1a0f4b3f0002';
  const ask = () => kept(new TestClient(serveRecording(test.host), { kind: 'recording', sessionId }));

  it('is not there, or comes byte by byte', async () => {
    expect(await ask().end()).toMatchObject({ code: 'not_found' });
    const file = await test.host.recordings.append(sessionId);
    const bytes = Buffer.alloc(300_000, 'recorded ');
    await file.writeFile(bytes);
    await file.close();
    const client = ask();
    await client.end();
    expect(client.bytes().equals(bytes)).toBe(true);
    expect(client.frames.at(-1)?.type).toBe(frameTypes.eof);
  });
});
