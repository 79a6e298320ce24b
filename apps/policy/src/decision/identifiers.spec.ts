import { randomBytes } from 'node:crypto';
import { generateKey } from '@gatehouse/crypto';
import { describe, expect, it } from '@jest/globals';
import { recordable, recordableRequest, recordableRequests, recordableValue } from './identifiers.js';

const pepper = randomBytes(32);
const recorded = (text: string) => {
  expect(recordable(pepper, { type: text, id: 'x' }).type).toBe(recordable(pepper, { type: 'x', id: text }).id);
  return recordable(pepper, { type: 'user', id: text }).id;
};
const token = `eyJ${'a'.repeat(20)}.eyJ${'b'.repeat(20)}.${'c'.repeat(43)}`;

describe('what is recorded of an identifier', () => {
  it.each(['@ann', generateKey('mas_'), generateKey('mau_'), token])(
    'is a pseudonym where it must not stand for ever',
    (id) => {
      expect(recorded(id)).toMatch(/^p_[A-Za-z0-9_-]{22}$/);
      expect(recorded(id)).toBe(recorded(id));
    },
  );

  it('is a path with pseudonyms in the place of such segments', () =>
    expect(recorded(`prod/${generateKey('mas_')}/x`)).toMatch(/^prod\/p_[A-Za-z0-9_-]{22}\/x$/));

  it('is the pseudonym of an address with its domain, and stays that', () => {
    const id = recorded('ann@example.org');
    expect(id).toMatch(/^p_[A-Za-z0-9_-]{22}@example\.org$/);
    expect(recorded(id)).toBe(id);
  });

  it.each(['u_7', 'prod/DATABASE_URL', 'christmas_list', 'mas_short', 'app.web.prod', 'eyJ'])(
    'is itself where it is opaque: %s',
    (id) => expect(recorded(id)).toBe(id),
  );
});

describe('what is recorded of an attribute', () => {
  const text = (value: unknown) => JSON.stringify(recordableValue(pepper, value));

  it('holds no address and no key, however deep and be it a name', () => {
    const value = {
      a: [{ mail: 'ann@example.org' }],
      key: generateKey('mas_'),
      [generateKey('mau_')]: 1,
      'x@y.org': 2,
    };
    expect(text(value)).not.toMatch(/ann@|ma[us]_|x@y/);
    expect(text(value)).toContain('@example.org');
  });

  it('is the same object where nothing is to hide, and equal for equal values', () => {
    const value = JSON.parse('{"a":[1,null,{"b":"c"}],"__proto__":true}');
    expect(recordableValue(pepper, value)).toBe(value);
    expect(text({ m: 'a@b.org' })).toBe(text({ m: 'a@b.org' }));
  });
});

describe('what is recorded of the questions of a batch', () => {
  it('is what is recorded of each, whether or not they share their subject', () => {
    const ann = { type: 'user', id: 'ann@example.org', properties: { mail: 'ann@example.org' } };
    const other = { type: 'user', id: 'u_7' };
    const recordableOne = recordableRequests(pepper);
    for (const subject of [ann, ann, other, ann, { ...ann, id: 'bob@example.org' }]) {
      const question = { tenantId: 'acme', subject, action: 'logs.read', resource: { type: 'x', id: 'y' } };
      expect(recordableOne(question)).toEqual(recordableRequest(pepper, question));
      expect(JSON.stringify(recordableOne(question))).not.toMatch(/ann@|bob@/);
    }
  });
});
