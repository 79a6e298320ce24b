import { z } from 'zod';

/** A yes or no. `vault write` sends every value as a text. */
export const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]);

/** A whole number up to a bound, as a number or as its text. */
export const countUpTo = (max: number) =>
  z
    .union([
      z.number(),
      z
        .string()
        .regex(/^\d{1,10}$/)
        .transform(Number),
    ])
    .pipe(z.int().min(0).max(max));

/** An object, or a text that holds one as JSON. */
export const jsonOf = <S extends z.ZodType>(schema: S) =>
  z.preprocess((value, context) => {
    if (typeof value !== 'string') return value;
    if (value === '') return {};
    try {
      return JSON.parse(value) as unknown;
    } catch {
      context.addIssue({ code: 'custom', message: 'must be JSON' });
      return z.NEVER;
    }
  }, schema);

/**
 * What the dialect knows and this server has one answer for: saying something else must not pass unnoticed. `values` are
 * the spellings of that answer.
 */
export const only = (...values: readonly (string | number | boolean)[]) =>
  z
    .union(values.map((value) => z.literal(value)) as unknown as [z.ZodLiteral, z.ZodLiteral], {
      error: `must be ${JSON.stringify(values[0])} here`,
    })
    .optional();

export const onlyZero = only(0, '0', '0s', '');
export const onlyFalse = only(false, 'false');
