import { generateKey } from '@gatehouse/crypto';
import { describe, expect, it } from '@jest/globals';
import { recordedText } from './recorded-text.js';

const text = recordedText(100);

describe('a text that is recorded for ever', () => {
  it.each([generateKey('mas_'), `old ${generateKey('mau_')}`, 'ann@example.org left', 'a\nb', ' ', 'x'.repeat(101)])(
    'refuses %j',
    (given) => expect(text.safeParse(given).success).toBe(false),
  );

  it.each(['Ann & Söhne', 'christmas_list', 'Team @ home'])('takes %j', (given) =>
    expect(text.parse(given)).toBe(given),
  );
});
