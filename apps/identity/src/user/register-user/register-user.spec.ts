import { describe, expect, it } from '@jest/globals';
import { registerUser } from './register-user.js';

const userId = '0190a1b2-0000-7000-8000-000000000001';
const email = { subject: userId, key: 1, text: 'c2VhbGVk' };
const name = { subject: userId, key: 1, text: 'bmFtZQ==' };

describe('register a user', () => {
  it('keeps personal fields out of the data', () => {
    expect(registerUser({ userId, email, name }, { status: 'none' })).toEqual([
      { type: 'user.registered', version: 1, data: { userId }, sealed: { email, name } },
    ]);
  });

  it('has no name field for somebody who gave none', () => {
    expect(registerUser({ userId, email }, { status: 'none' })[0]?.sealed).toEqual({ email });
  });

  it('changes nothing for somebody who is registered', () => {
    expect(registerUser({ userId, email }, { status: 'registered', userId })).toEqual([]);
  });
});
