import { describe, expect, it } from '@jest/globals';
import { recordedText } from './recorded-text.js';

const text = recordedText(100);
/** In the form of a key. */
const keyOf = (family: string) => `${family}${'Ab3-_xYz9'.repeat(6)}`;

describe('a text that is recorded for ever', () => {
  it.each([keyOf('mas_'), `old ${keyOf('mau_')}`, 'ann@example.org left', 'a\nb', ' ', 'x'.repeat(101)])(
    'refuses %j',
    (given) => expect(text.safeParse(given).success).toBe(false),
  );

  it.each(['Ann & Söhne', 'christmas_list', 'Team @ home'])('takes %j', (given) =>
    expect(text.parse(given)).toBe(given),
  );
});
