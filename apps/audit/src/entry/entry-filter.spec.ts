import { createSecretKey, randomBytes } from 'node:crypto';
import { addressPseudonym, pseudonym } from '@gatehouse/crypto';
import { describe, expect, it } from '@jest/globals';
import { withPseudonyms } from './entry-filter.js';
import { formatPlace, parsePlace } from './search-entries.js';

const pepper = createSecretKey(randomBytes(32));

describe('searching by an address', () => {
  it('searches for the pseudonym that is recorded in its place, and for those that formerly were', () => {
    const address = 'ann@example.org';
    expect(withPseudonyms({ actor: address, resource: `mailbox/${address}`, type: 'a.b' }, pepper)).toEqual({
      actor: [addressPseudonym(pepper, address), pseudonym(pepper, address)],
      resource: [`mailbox/${addressPseudonym(pepper, address)}`, `mailbox/${pseudonym(pepper, address)}`],
      type: 'a.b',
    });
    expect(withPseudonyms({ resource: `secret/production/${address}` }, pepper)).toEqual({
      resource: [
        `secret/production/${addressPseudonym(pepper, address)}`,
        `secret/${addressPseudonym(pepper, `production/${address}`)}`,
        `secret/${pseudonym(pepper, `production/${address}`)}`,
      ],
    });
    const plain = { actor: 'ann', resource: 'prod/DATABASE_URL' };
    expect(withPseudonyms(plain, pepper)).toEqual({ actor: ['ann'], resource: ['prod/DATABASE_URL'] });
  });
});

describe('a place in the list', () => {
  it('is read as it was written', () => {
    const place = { atMs: 1_795_312_800_123, index: 42 };
    expect(parsePlace(formatPlace(place))).toEqual(place);
  });

  it.each(['', '1', '1.', '.1', '-1.2', '1.2.3', '1e3.2', ' 1.2', '1234567890123456.1'])('is not %j', (text) =>
    expect(parsePlace(text)).toBeUndefined(),
  );
});
