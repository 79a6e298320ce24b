import { describe, expect, it } from '@jest/globals';
import { isWithinScopes } from './scopes.js';

describe('the scopes of a credential', () => {
  it.each([
    [undefined, 'deploy.production', true],
    [[], 'logs.read', false],
    [['*'], 'deploy.production', true],
    [['logs.*'], 'logs.read', true],
    [['logs.read'], 'logs.read', true],
    [['logs.read'], 'logs.read.all', false],
    [['logs.*'], 'logsx.read', false],
    [['Logs.*', '', '**'], 'logs.read', false],
    [['deploy.preview', 'logs.*'], 'logs.read', true],
  ])('%j permit %s: %s', (scopes, action, expected) => expect(isWithinScopes(scopes, action)).toBe(expected));
});
