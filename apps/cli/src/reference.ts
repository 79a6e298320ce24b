import { usageFailure } from './failure.js';

/** `type/id`, as subjects and resources are written and shown. */
export interface Reference {
  readonly type: string;
  readonly id: string;
}

/** The type ends at the first slash. @throws Failure for any other text */
export function parseReference(text: string, what: string): Reference {
  const slash = text.indexOf('/');
  if (slash < 1 || slash === text.length - 1)
    throw usageFailure(`${what} "${text}" is not type/id, such as service/ci`);
  return { type: text.slice(0, slash), id: text.slice(slash + 1) };
}

/** A resource may also be one word, which is a scope: `production` is `scope/production`. */
export const parseResource = (text: string): Reference =>
  text.includes('/') ? parseReference(text, 'resource') : parseReference(`scope/${text}`, 'resource');

export const formatReference = ({ type, id }: Reference): string => `${type}/${id}`;

/** Waits `ms` milliseconds. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
