import { z } from 'zod';
import type { Suspect } from './blast-radius.js';

const moment = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

/** How an identity, or one credential of it, and a span of time are asked for. */
export const suspectParameters = {
  subject_type: z.enum(['service', 'user', 'device']),
  subject_id: z.string().min(1).max(256),
  /** Id of a key, of a token or of a sign-in. */
  credential: z.string().min(1).max(128).optional(),
  since: moment.optional(),
  until: moment.optional(),
};

const parameters = z.object(suspectParameters);

export const suspectOf = (given: z.output<typeof parameters>): Suspect => ({
  subject: { type: given.subject_type, id: given.subject_id },
  credential: given.credential,
  since: given.since,
  until: given.until,
});
