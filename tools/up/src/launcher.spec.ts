import { describe, expect, it } from '@jest/globals';
import { npmPid } from './launcher.js';

describe('npmPid', () => {
  const processes = new Map([
    [10, { parentPid: 5, command: ['sh', '-c', 'node tools/up/bin/up.mjs'] }],
    [5, { parentPid: 1, command: ['npm start'] }],
    [20, { parentPid: 1, command: ['bash'] }],
  ]);
  const describeProcess = (pid: number) => processes.get(pid);
  const byNpm = { npm_lifecycle_event: 'start' };

  it.each([
    ['through the shell between', byNpm, 10, 5],
    ['as our parent', byNpm, 5, 5],
    ['where the system does not tell', byNpm, 99, 99],
    ['not at all when a person started us', {}, 20, undefined],
  ])('finds npm %s', (_case, env, parent, expected) => {
    expect(npmPid(env, parent, describeProcess)).toBe(expected);
  });
});
