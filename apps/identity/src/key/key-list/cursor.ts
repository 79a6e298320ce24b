const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Where the next page begins, as text that callers hand back and never read. */
export const cursorAfter = (keyId: string): string => Buffer.from(`after:${keyId}`).toString('base64url');

/** Reverse of {@link cursorAfter}; undefined for any other text. */
export function readCursor(text: string): string | undefined {
  const [word, keyId = ''] = Buffer.from(text, 'base64url').toString('latin1').split('after:', 2);
  return word === '' && uuidPattern.test(keyId) && cursorAfter(keyId) === text ? keyId : undefined;
}
