import type { InferredOptionTypes, Options } from 'yargs';
import { instantOf } from '../instant.js';
import { parseReference } from '../reference.js';

/** Whose reads: an identity or one credential of it, in a span of time. */
export const suspectOptions = {
  credential: {
    type: 'string',
    requiresArg: true,
    describe: 'Only what this key, token or sign-in was given (its id)',
  },
  since: { type: 'string', requiresArg: true, describe: 'First moment that counts: a day, or RFC 3339' },
  until: { type: 'string', requiresArg: true, describe: 'First moment that no longer counts: a day, or RFC 3339' },
} as const satisfies Record<string, Options>;

export type SuspectFlags = InferredOptionTypes<typeof suspectOptions>;

/** As the vault is asked. @throws Failure for an identity or a time of another form */
export function suspectQuery(identity: string, { credential, since, until }: SuspectFlags) {
  const { type, id } = parseReference(identity, 'identity');
  return {
    subject_type: type,
    subject_id: id,
    credential,
    since: instantOf('--since', since),
    until: instantOf('--until', until),
  };
}
