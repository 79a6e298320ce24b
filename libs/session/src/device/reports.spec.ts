import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { SessionReport } from '../hello.js';
import { PastStreams } from './past-streams.js';
import { Reports } from './reports.js';

const exit = { kind: 'exit', code: 0, signal: null } as const;

describe('reports', () => {
  it('are told over whatever tunnel there is, and again until one took them', () => {
    const reports = new Reports();
    const sid = randomUUID();
    const told: SessionReport[] = [];
    const send = (report: SessionReport) => void told.push(report);
    reports.add(sid, exit);
    reports.sendTo(send);
    reports.add(sid, exit);
    reports.hold();
    reports.add(sid, exit);
    expect(told.map(({ n }) => n)).toEqual([1, 2]);
    reports.taken(1);
    reports.sendTo(send);
    expect(told.map(({ n }) => n)).toEqual([1, 2, 2, 3]);
    expect(reports.waiting).toBe(2);
  });

  it('of an earlier process are told first, and whoever keeps them knows what waits', () => {
    const kept = [1, 2].map((n) => ({ type: 'session_report' as const, sid: randomUUID(), event: exit, n: n * 40 }));
    const waiting: (number | undefined)[][] = [];
    const reports = new Reports(undefined, { kept, changed: (all) => waiting.push(all.map(({ n }) => n)) });
    reports.add(randomUUID(), exit);
    const told: SessionReport[] = [];
    reports.sendTo((report) => told.push(report));
    expect(told.map(({ n }) => n)).toEqual([1, 2, 3]);
    expect(told.slice(0, 2).map(({ sid }) => sid)).toEqual(kept.map(({ sid }) => sid));
    reports.taken(2);
    expect(waiting).toEqual([[1, 2, 3], [3]]);
  });

  it('are bounded: the oldest go, and it is said how many', () => {
    const dropped: number[] = [];
    const reports = new Reports((count) => dropped.push(count));
    for (let i = 0; i < 1_026; i++) reports.add(randomUUID(), exit);
    expect([reports.waiting, reports.dropped, dropped]).toEqual([1_024, 2, [1, 2]]);
    const told: (number | undefined)[] = [];
    reports.sendTo(({ n }) => told.push(n));
    expect([told[0], told.at(-1)]).toEqual([3, 1_026]);
  });
});

describe('streams that are over', () => {
  it('are known for a while, and in bounded number', () => {
    const past = new PastStreams();
    past.add('a', 'finished', 0);
    past.add('b', 'revoked', 1);
    expect([past.codeOf('a'), past.codeOf('b'), past.codeOf('c')]).toEqual(['finished', 'revoked', undefined]);
    past.add('c', 'finished', 600_000);
    expect([past.codeOf('a'), past.codeOf('b')]).toEqual([undefined, 'revoked']);
    for (let i = 0; i < 10_001; i++) past.add(`n${i}`, 'finished', 600_000);
    expect([past.codeOf('b'), past.codeOf('c'), past.codeOf('n0'), past.codeOf('n10000')]).toEqual([
      undefined,
      undefined,
      undefined,
      'finished',
    ]);
  });
});
