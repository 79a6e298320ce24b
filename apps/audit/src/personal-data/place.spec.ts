import { describe, expect, it } from '@jest/globals';
import { formatPlace, parsePlace, startPlace } from './place.js';

describe('the place a page ends at', () => {
  it.each([startPlace, { tenant: 999, role: 2, at: '2026-11-22T12:47:00.123456Z', index: '9007199254740991' }])(
    'is read as it was written',
    (place) => expect(parsePlace(formatPlace(place))).toEqual(place),
  );

  it.each(['', '0 0', "0 0 2026-11-22T12:47:00.123456Z' 1", '0 0 infinity 1', '-1 0 -infinity -1', '0 0 -infinity 1 '])(
    'is not %j',
    (text) => expect(parsePlace(text)).toBeUndefined(),
  );
});
