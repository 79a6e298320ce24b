import { describe, expect, it } from '@jest/globals';
import { draftLimits, draftVersion, versionStream } from './draft-version.js';

const drafted = { digest: `sha256:${'a'.repeat(64)}`, bytes: 100, title: 'First' };
const none = { status: 'none' } as const;
const idle = { count: 0, bytes: 0 };

describe('draft a version', () => {
  it('given no such text, makes a version', () => {
    expect(draftVersion(drafted, idle)(none)).toEqual([{ type: 'policy.drafted', version: 1, data: drafted }]);
  });

  it('given the same text, is the same version, whatever its title', () => {
    const again = draftVersion({ ...drafted, title: 'Second' }, { count: 9_999, bytes: 0 });
    expect(again({ status: 'drafted', drafted })).toEqual([]);
  });

  it.each([
    ['too many', { count: draftLimits.idleCount, bytes: 0 }],
    ['too much', { count: 1, bytes: draftLimits.idleBytes }],
  ])('given %s that was never activated, refuses', (_name, lately) => {
    expect(() => draftVersion(drafted, lately)(none)).toThrow('too_many_drafts');
  });

  it('names the stream by the whole digest', () => {
    expect(versionStream(drafted.digest)).toBe(`policy-version:${'a'.repeat(64)}`);
  });
});
