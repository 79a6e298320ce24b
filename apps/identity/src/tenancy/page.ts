import { safeParse } from '@gatehouse/schema';
import { z } from 'zod';

const idPattern = /^[a-z0-9-]{1,63}$/;

/** Where the next page begins, as text that callers hand back and never read. */
export const cursorAfter = (id: string): string => Buffer.from(`after:${id}`).toString('base64url');

/** Reverse of {@link cursorAfter}; undefined for any other text. */
export function readCursor(text: string): string | undefined {
  const [word, id = ''] = Buffer.from(text, 'base64url').toString('latin1').split('after:', 2);
  return word === '' && idPattern.test(id) && cursorAfter(id) === text ? id : undefined;
}

const uuid = z.uuid();
const cursor = (isId: (id: string) => boolean) =>
  z
    .string()
    .max(128)
    .refine((text) => isId(readCursor(text) ?? ''), 'is no cursor of ours')
    .transform((text) => readCursor(text) ?? '');

const limit = z.coerce.number().int().min(1).max(200).default(50);

/** Query of a list whose ids are words. */
export const pageQuery = z.object({ limit, cursor: cursor((id) => id !== '').optional() });
/** Query of a list whose ids are UUIDs. */
export const uuidPageQuery = z.object({ limit, cursor: cursor((id) => safeParse(uuid, id).success).optional() });

/** A page of rows that were read with one more than `limit`. */
export function pageOf<T>(rows: readonly T[], size: number, idOf: (row: T) => string) {
  const page = rows.slice(0, size);
  const last = rows.length > size ? page.at(-1) : undefined;
  return { page, nextCursor: last === undefined ? null : cursorAfter(idOf(last)) };
}
