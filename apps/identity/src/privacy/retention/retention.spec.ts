import { describe, expect, it } from '@jest/globals';
import { changeRetention, effective } from './retention.js';

const sweep = async () => 0;
const kinds = [
  { kind: 'sessions', defaultDays: 30, sweep },
  { kind: 'alerts', defaultDays: 90, sweep },
];

describe('how long data is kept', () => {
  it('is the default, until somebody says otherwise', () => {
    const changed = [
      { kind: 'alerts', days: 7, revision: 2 },
      { kind: 'gone', days: 1, revision: 1 },
    ];
    expect(effective(kinds, changed)).toEqual([
      { kind: 'sessions', defaultDays: 30, days: 30, revision: 0 },
      { kind: 'alerts', defaultDays: 90, days: 7, revision: 2 },
    ]);
  });

  it('changes by an event that tells both, or not at all', () => {
    const data = { kind: 'alerts', days: 7, previousDays: 90 };
    expect(changeRetention('alerts', 7, 90)).toEqual([{ type: 'retention.changed', version: 1, data }]);
    expect(changeRetention('alerts', 7, 7)).toEqual([]);
  });
});
