import { z } from 'zod';
import { documentLimits } from '../limits.js';
import { suggestion } from '../nearest.js';

const printable = /^[^\p{Cc}\p{Cs}\u2028\u2029]*$/u;

/** An object that has these members and no other; an unknown one is answered with the known one that is nearest. */
export function object<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  const known = Object.keys(shape);
  return z.strictObject(shape, { error: (issue) => unknownMembers(issue, known) });
}

/** Of the unknown members of one object, those that are told. */
export const toldMembers = 20;

/** One line for each of the first unknown members, in their order. */
export function unknownMembers(issue: z.core.$ZodRawIssue, known: readonly string[]): string | undefined {
  if (issue.code !== 'unrecognized_keys') return undefined;
  return issue.keys
    .slice(0, toldMembers)
    .map((name) => `is not known here${suggestion(name, known)}`)
    .join('\n');
}

/** For a check that would only repeat what is wrong already. */
export const isWhole = ({ issues }: z.core.ParsePayload): boolean => issues.length === 0;

export const text = (max: number): z.ZodString =>
  z.string().min(1).max(max).regex(printable, { error: 'must not hold control characters' });

/** Words for people: lines are allowed. */
export const words = (max: number): z.ZodString => z.string().max(max);

export const list = <T extends z.ZodType>(item: T, max: number = documentLimits.list): z.ZodArray<T> =>
  z.array(item).max(max);

/** One of these words; another is answered with the nearest. */
export const oneOf = <const W extends readonly [string, ...string[]]>(allowed: W) =>
  z.enum(allowed, {
    error: ({ input }) =>
      `must be one of ${allowed.join(', ')}${typeof input === 'string' ? suggestion(input, allowed) : ''}`,
  });

/** Values of JSON: depth and size are bounded where the text is read. */
export const attributes = z.record(text(128), z.json()).meta({
  description: 'Attributes: any JSON, read by conditions as subject.<name>, resource.<name>, context.<name>.',
});

export const ruleId = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9 _.:-]{0,127}$/, {
    error: 'must be up to 128 letters, digits, blanks and _ . : - and begin with no blank or sign',
  })
  .meta({ description: 'Unique in the policy; it stands in the evidence of decisions.' });

export const roleName = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,63}$/, { error: 'must be up to 64 of a-z 0-9 _ - and begin with a letter' });

export const actionPatterns = list(text(130)).meta({
  description: 'Names or patterns: deploy.production, deploy.* (all below), *.read (all that end so), *.',
});

export const resourcePatterns = list(text(600)).meta({
  description: 'Patterns: project/app-web, production (that scope), project/*, secret/staging/*, *.',
});

export const effect = oneOf(['permit', 'forbid']);
