import { sqlState } from '@gatehouse/event-store';
import { defineProblems, type ProblemDefinition, ProblemError } from '@gatehouse/http';
import { Refusal, type RefusalCode } from './refusal.js';

const ownProblems = {
  key_name_taken: { status: 409, title: 'The tenant has a key of this name; names are never used twice' },
  key_already_created: { status: 409, title: 'This request made a key before, and a key is shown only once' },
  key_expiry_passed: { status: 400, title: 'The key would have expired already' },
  user_key_with_roles: { status: 400, title: 'A user key acts as its user and has no roles of its own' },
  user_key_without_person: { status: 403, title: 'Only a person can have a user key' },
  user_key_of_another: { status: 403, title: 'A user key is given a new text by its own person only' },
  user_key_beyond_tenant: {
    status: 403,
    title: 'This sign-in opens one tenant only, and a user key opens all of its person',
  },
  key_scopes_too_wide: { status: 403, title: 'The key would reach further than the credential that asks for it' },
  key_already_rotated: { status: 409, title: 'This request rotated the key before, and a key is shown only once' },
  key_is_published: { status: 400, title: 'This key stands in public documents: anybody may have it' },
  user_key_needs_owner: { status: 400, title: 'A user key acts as a person, and nobody said as whom' },
  key_text_taken: { status: 409, title: 'This text is a key already' },
  setup_link_invalid: { status: 401, title: 'The set-up link is not valid' },
} as const satisfies Record<Exclude<RefusalCode, 'not_found'> | (string & {}), ProblemDefinition>;

defineProblems(ownProblems);

/** Constraint -> code: the inline read model is the uniqueness check, its index refuses the row and the transaction. */
const uniqueness = new Map<string, string>([
  ['keys_name', 'key_name_taken'],
  ['key_fingerprints_pkey', 'key_text_taken'],
]);

/** Adds the unique constraints of an area, with the codes of the problems they mean. */
export function defineUniqueness(codes: Readonly<Record<string, string>>): void {
  for (const [constraint, code] of Object.entries(codes)) uniqueness.set(constraint, code);
}

/** Runs a command and turns what the domain refuses into problem documents; everything else passes as it is. */
export async function answering<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refusal) throw new ProblemError(error.code, undefined, { cause: error.cause });
    const taken = sqlState(error) === '23505' && uniqueness.get((error as { constraint?: string }).constraint ?? '');
    if (taken) throw new ProblemError(taken, undefined, { cause: error });
    throw error;
  }
}
