import { randomBytes } from 'node:crypto';
import { generateKey } from '@gatehouse/crypto';
import { describe, expect, it } from '@jest/globals';
import { recordable } from './identifiers.js';

const pepper = randomBytes(32);
const recorded = (text: string) => {
  expect(recordable(pepper, { type: text, id: 'x' }).type).toBe(recordable(pepper, { type: 'x', id: text }).id);
  return recordable(pepper, { type: 'user', id: text }).id;
};
const token = `eyJ${'a'.repeat(20)}.eyJ${'b'.repeat(20)}.${'c'.repeat(43)}`;

describe('what is recorded of an identifier', () => {
  it.each(['ann@example.org', generateKey('mas_'), generateKey('mau_'), `prod/${generateKey('mas_')}`, token])(
    'is a pseudonym where it must not stand for ever',
    (id) => {
      expect(recorded(id)).toMatch(/^p_[A-Za-z0-9_-]{22}$/);
      expect(recorded(id)).toBe(recorded(id));
    },
  );

  it.each(['u_7', 'prod/DATABASE_URL', 'christmas_list', 'mas_short', 'app.web.prod', 'eyJ'])(
    'is itself where it is opaque: %s',
    (id) => expect(recorded(id)).toBe(id),
  );
});
