import { z } from 'zod';
import { maskSecrets } from './mask.js';

/**
 * One line that people wrote, shown as it is and recorded for ever in clear: so it must not hold what has to be kept secret
 * or may have to be forgotten, a key in the wrong field or somebody's address.
 */
export const recordedText = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]*$/u, 'has a control character')
    .refine(
      (text) => maskSecrets(text) === text,
      'holds a key, a token or an e-mail address, and is recorded for ever',
    );
