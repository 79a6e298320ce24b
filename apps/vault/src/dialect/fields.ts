import { z } from 'zod';

const flagTexts = ['1', 't', 'T', 'true', 'TRUE', 'True', '0', 'f', 'F', 'false', 'FALSE', 'False'] as const;

/** A truth value as Go reads one. */
export const flagText = z.enum(flagTexts).transform((text) => /^[1tT]/.test(text));

/** A truth value, or its text: the command line sends every value as a text. */
export const flag = z.union([z.boolean(), flagText]);

/** A whole number of 0 to `max`, or its digits. */
export const whole = (max: number) =>
  z
    .union([z.int(), z.string().regex(/^\d{1,10}$/, 'is not a whole number')])
    .transform(Number)
    .pipe(z.int().min(0).max(max));
