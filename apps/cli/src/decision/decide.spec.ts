import { describe, expect, it } from '@jest/globals';
import { expiryOf } from '../key/create-key.js';
import { parseQuestion } from './decide.js';

describe('a question', () => {
  it.each([
    ['deploy.preview:project/app-web', { action: 'deploy.preview', resource: { type: 'project', id: 'app-web' } }],
    ['secret.read:prod/db/URL:1', { action: 'secret.read', resource: { type: 'prod', id: 'db/URL:1' } }],
    ['secret.read:staging', { action: 'secret.read', resource: { type: 'scope', id: 'staging' } }],
    ['audit.read', { action: 'audit.read' }],
  ])('%s', (text, question) => expect(parseQuestion(text)).toEqual(question));

  it.each(['', ':project/x', 'project/x', 'deploy.preview:', 'deploy.preview:/x', 'deploy.preview:project/'])(
    '"%s" is refused',
    (text) => expect(() => parseQuestion(text)).toThrow(),
  );
});

describe('the expiry of a key', () => {
  const nowMs = Date.parse('2026-11-22T00:00:00Z');
  it('is a duration from now, or a time', () => {
    expect(expiryOf('90d', nowMs)).toBe('2027-02-20T00:00:00.000Z');
    expect(expiryOf('2027-01-31T00:00:00Z', nowMs)).toBe('2027-01-31T00:00:00.000Z');
    expect(() => expiryOf('soon', nowMs)).toThrow('--expires');
  });
});
