import { describe, expect, it } from '@jest/globals';
import { withoutRole, withRole } from './edit-role.js';

const role = (name: string, description = '') => ({ name, description, rules: [] });
const document = { roles: [role('a'), role('b')], record: ['context.x'] };

describe('a document with another role', () => {
  it('has it in the place of the one of its name', () =>
    expect(withRole(document, role('a', 'new'))).toEqual({ ...document, roles: [role('a', 'new'), role('b')] }));

  it('has it at the end if it is new', () => expect(withRole({}, role('c'))).toEqual({ roles: [role('c')] }));

  it('has no list of roles when the last one is gone', () => {
    expect(withoutRole(document, 'a')).toEqual({ ...document, roles: [role('b')] });
    expect(withoutRole({ roles: [role('a')] }, 'a')).toEqual({});
    expect(withoutRole(document, 'c')).toBeUndefined();
  });
});
