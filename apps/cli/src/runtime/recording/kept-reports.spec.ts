import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serveSessions } from '@gatehouse/session';
import { freePort, tempDir, waitFor } from '@gatehouse/testing';
import { afterAll, describe, expect, it } from '@jest/globals';
import { DeviceFiles } from '../registration/device-files.js';
import { KeptReports } from './kept-reports.js';

const folder = tempDir('kept-reports');
afterAll(() => folder.remove());
const path = join(folder.path, 'reports.json');
const errors: Error[] = [];
const kept = (at = path) => new KeptReports(at, (error) => errors.push(error));
const report = (n: number) =>
  ({ type: 'session_report', sid: randomUUID(), n, event: { kind: 'exit', code: n, signal: null } }) as const;

describe('reports that no relay took', () => {
  it('are there for the next runtime, for its account alone, and gone once they were taken', async () => {
    expect(kept().read()).toEqual([]);
    const first = kept();
    first.changed([report(1), report(2)]);
    await waitFor(() => existsSync(path));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const second = kept();
    expect(second.read().map(({ event }) => event.kind === 'exit' && event.code)).toEqual([1, 2]);
    await second.flush();
    expect(kept().read()).toHaveLength(2);
    second.changed([]);
    await second.flush();
    expect(existsSync(path)).toBe(false);
  });

  it('are told again by the server of sessions that finds them, with numbers of its own', async () => {
    const found = [report(7), report(9)];
    const states: unknown[] = [];
    const files = new DeviceFiles(folder.path);
    const { identity, session } = files.keys();
    const server = serveSessions({
      ...{ deviceId: randomUUID(), identity, sessionKeys: [session], grantKeys: [], agent: 'test', handlers: {} },
      ...{ relays: [`127.0.0.1:${await freePort()}`], trust: { trustAnything: true } },
      reports: { kept: found, changed: (all) => states.push(all.map(({ n, sid }) => [n, sid])) },
    });
    expect(server.counts.reports).toBe(2);
    await server.close('stopping');
    expect(states).toEqual([]);
  });

  it('are none of a file that is no such, and none is lost with a disk that takes nothing', async () => {
    writeFileSync(path, '{"half');
    expect(kept().read()).toEqual([]);
    const nowhere = kept(join(folder.path, 'none', 'reports.json'));
    nowhere.changed([report(1)]);
    await nowhere.flush();
    expect(errors).toHaveLength(1);
    expect(() => readFileSync(path)).toThrow();
  });
});
