import { createSecretKey, randomBytes } from 'node:crypto';
import { pseudonym } from '@gatehouse/crypto';
import { describe, expect, it } from '@jest/globals';
import { withPseudonyms } from './entry-filter.js';
import { formatPlace, parsePlace } from './search-entries.js';

const pepper = createSecretKey(randomBytes(32));

describe('searching by an address', () => {
  it('searches for the pseudonym that was recorded in its place', () => {
    const address = 'ann@example.org';
    expect(withPseudonyms({ actor: address, resource: `mailbox/${address}`, type: 'a.b' }, pepper)).toEqual({
      actor: pseudonym(pepper, address),
      resource: `mailbox/${pseudonym(pepper, address)}`,
      type: 'a.b',
    });
    const plain = { actor: 'ann', resource: 'prod/DATABASE_URL' };
    expect(withPseudonyms(plain, pepper)).toEqual(plain);
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
