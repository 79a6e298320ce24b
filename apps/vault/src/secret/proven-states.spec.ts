import { describe, expect, it } from '@jest/globals';
import { ProvenStates } from './proven-states.js';
import { type PresentSecret, sha256, stateText, unset } from './secret.js';
import type { StoredRow } from './stored-secret.js';

const secretOf = (currentVersion: number): PresentSecret => ({
  ...{ status: 'present', secretId: 'b0a9c1f2-0000-4000-8000-000000000000', currentVersion, ...unset },
  ...{
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-01T00:00:00.000Z',
    customMetadata: null,
    versions: {},
  },
});

function rowOf(stream: string, currentVersion: number, path = 'p/ONE'): StoredRow {
  const state = stateText(secretOf(currentVersion));
  const envelope = JSON.stringify({ type: 'secret.version_written', data: { state: sha256(state) } });
  return { stream_id: stream, revision: currentVersion, envelope, path, state, custom_metadata: null };
}

const findingOf = (work: () => unknown): string => {
  try {
    work();
    return 'none';
  } catch (error) {
    return (error as { finding: string }).finding;
  }
};

describe('what has been proven of a row', () => {
  it('is the same secret again, with the revision and the metadata of the row at hand', () => {
    const states = new ProvenStates();
    const row = rowOf('s', 1);
    const first = states.verified(row, 'p/ONE');
    const again = states.verified({ ...row, revision: 7, custom_metadata: '{"owner":"ann"}' }, 'p/ONE');
    expect(again.secret).toBe(first.secret);
    expect(again).toMatchObject({ revision: 7, customMetadata: '{"owner":"ann"}' });
    expect(states.lastSeen('s')).toBe(first.secret);
  });

  it.each<readonly [string, Partial<StoredRow>, string]>([
    ['another state', { state: stateText(secretOf(9)) }, 'state_changed'],
    ['another event', { envelope: rowOf('s', 9).envelope }, 'state_changed'],
    ['another path', { path: 'p/TWO' }, 'path_changed'],
    ['no state', { state: null }, 'state_missing'],
    ['no event', { envelope: null }, 'state_without_log'],
  ])('does not speak for %s', (_, change, finding) => {
    const states = new ProvenStates();
    const row = rowOf('s', 1);
    states.verified(row, 'p/ONE');
    expect(findingOf(() => states.verified({ ...row, ...change }, 'p/ONE'))).toBe(finding);
    expect(states.verified(row, 'p/ONE').secret).toMatchObject({ currentVersion: 1 });
  });

  it('does not speak for the same texts under another path', () => {
    const states = new ProvenStates();
    const row = rowOf('s', 1);
    states.verified(row, 'p/ONE');
    expect(findingOf(() => states.verified(row, 'p/TWO'))).toBe('path_changed');
  });

  it('is what stands there now, once it was changed', () => {
    const states = new ProvenStates();
    states.verified(rowOf('s', 1), 'p/ONE');
    expect(states.verified(rowOf('s', 2), 'p/ONE').secret).toMatchObject({ currentVersion: 2 });
    const gone = { ...rowOf('s', 3), state: null, path: null, envelope: '{"type":"secret.forgotten","data":{}}' };
    expect(states.verified(gone, 'p/ONE').secret).toEqual({ status: 'absent' });
    expect(states.lastSeen('s')).toBeUndefined();
  });

  it('counts what has taken the place of another once', () => {
    const row = rowOf('s', 1);
    const chars = (row.envelope?.length ?? 0) + (row.state?.length ?? 0);
    const states = new ProvenStates({ chars: chars * 20 });
    for (let i = 0; i < 18; i++) states.verified(rowOf(`s${i}`, 1), 'p/ONE');
    for (let i = 0; i < 100; i++) states.verified(rowOf('s0', (i % 2) + 1), 'p/ONE');
    expect([states.size, states.lastSeen('s0')?.currentVersion]).toEqual([18, 2]);
  });

  it('is bounded by count and by length', () => {
    const few = new ProvenStates({ streams: 3 });
    for (let i = 0; i < 10; i++) few.verified(rowOf(`s${i}`, 1), 'p/ONE');
    expect([few.size, few.lastSeen('s6'), few.lastSeen('s9')?.currentVersion]).toEqual([3, undefined, 1]);
    const row = rowOf('s', 1);
    const chars = (row.envelope?.length ?? 0) + (row.state?.length ?? 0);
    const short = new ProvenStates({ chars: chars * 20 });
    for (let i = 0; i < 50; i++) short.verified(rowOf(`s${i}`, 1), 'p/ONE');
    expect(short.size).toBe(20);
    const tiny = new ProvenStates({ chars: chars * 15 });
    expect([tiny.verified(row, 'p/ONE').secret.status, tiny.size]).toEqual(['present', 0]);
  });
});
