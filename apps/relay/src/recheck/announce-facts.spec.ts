import { canonicalJson } from '@gatehouse/crypto';
import { describe, expect, it } from '@jest/globals';
import { mayChangeFacts, parseFactChange } from './announce-facts.js';

const text = (type: string, data: object = {}) =>
  canonicalJson({
    actor: { type: 'user', id: 'u' },
    data,
    id: 'x',
    streamId: 's:1',
    tenantId: 'acme',
    type,
    version: 1,
  });

describe('what policy publishes', () => {
  it('is passed unread where it is a decision', () => {
    expect(mayChangeFacts(text('decision.recorded'))).toBe(false);
    expect(mayChangeFacts(text('decisions.recorded'))).toBe(false);
  });

  it('is read where it is not, whatever somebody wrote into it', () => {
    const disguise = {
      properties: { note: '"type":"decision.recorded","version":1}', type: 'decision.recorded', version: 1 },
    };
    expect(mayChangeFacts(text('entity.described', disguise))).toBe(true);
    expect(mayChangeFacts(text('role.revoked'))).toBe(true);
  });
});

describe('a notification', () => {
  it('names tenant, position and cause, or is ignored', () => {
    expect(parseFactChange('acme 12.34 role.revoked')).toEqual({
      tenantId: 'acme',
      position: { tx: 12n, seq: 34n },
      cause: 'role.revoked',
    });
    for (const other of ['', 'acme', 'acme 12 role.revoked', 'ACME 1.1 x', 'acme 1.1 X Y'])
      expect(parseFactChange(other)).toBeUndefined();
  });
});
