import { describe, expect, it } from '@jest/globals';
import { isInScope } from './scopes.js';

describe('scopes of a credential', () => {
  it.each<[readonly string[] | undefined, string, boolean]>([
    [undefined, 'self.read', true],
    [[], 'self.read', false],
    [['*'], 'self.read', true],
    [['self.*'], 'self.read', true],
    [['self.read'], 'self.read', true],
    [['self.read'], 'self.write', false],
    [['self'], 'self.read', false],
    [['sel.*'], 'self.read', false],
    [['logs.*', 'self.write'], 'self.write', true],
    [['.*'], 'self.read', false],
    [['*.read'], 'self.read', false],
  ])('%j reach %s: %p', (scopes, action, expected) => {
    expect(isInScope(scopes, action)).toBe(expected);
  });
});
