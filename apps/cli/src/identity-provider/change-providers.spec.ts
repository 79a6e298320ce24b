import { describe, expect, it } from '@jest/globals';
import { groupRolesOf } from './change-providers.js';

describe('groups on the command line', () => {
  it('are pairs, split at the last sign', () => {
    expect(groupRolesOf(['devs=developer', 'cn=leads,dc=example=maintainer'])).toEqual({
      devs: 'developer',
      'cn=leads,dc=example': 'maintainer',
    });
  });

  it.each(['devs', '=developer', 'devs='])('are not %j', (text) => {
    expect(() => groupRolesOf([text])).toThrow('is not <group>=<role>');
  });
});
