import { describe, expect, it } from '@jest/globals';
import { cursorAfter, readCursor } from './cursor.js';

const keyId = '0190a1b2-0000-7000-8000-00000000000a';

describe('cursor of the key list', () => {
  it('comes back as it was', () => {
    expect(readCursor(cursorAfter(keyId))).toBe(keyId);
  });

  it.each([
    '',
    keyId,
    `${cursorAfter(keyId)}=`,
    cursorAfter('not a uuid'),
    cursorAfter(`${keyId}' or true`),
    Buffer.from(`before:${keyId}`).toString('base64url'),
  ])('is nothing else: %j', (text) => {
    expect(readCursor(text)).toBeUndefined();
  });
});
