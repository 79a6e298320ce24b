import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { coversScopes, isInScope } from './scopes.js';

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

describe('scopes inside scopes', () => {
  const word = fc.constantFrom('logs', 'log', 'key', 'app');
  const action = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join('.'));
  const pattern = fc.oneof(
    fc.constant('*'),
    action,
    action.map((name) => `${name}.*`),
  );
  const scopes = fc.option(fc.array(pattern, { maxLength: 3 }), { nil: undefined });

  it('never let an action through that the wider ones do not', () => {
    fc.assert(
      fc.property(scopes, scopes, action, (outer, inner, name) => {
        fc.pre(coversScopes(outer, inner) && isInScope(inner, name));
        expect(isInScope(outer, name)).toBe(true);
      }),
    );
  });

  it.each<[readonly string[] | undefined, readonly string[] | undefined, boolean]>([
    [undefined, undefined, true],
    [['*'], undefined, false],
    [['*'], ['a.*', '*'], true],
    [['logs.*'], ['logs.read', 'logs.app.*'], true],
    [['logs.*'], ['logs'], false],
    [['logs.*'], ['logsx.read'], false],
    [['logs.read'], ['logs.*'], false],
    [[], [], true],
  ])('%j cover %j: %p', (outer, inner, expected) => {
    expect(coversScopes(outer, inner)).toBe(expected);
  });
});
