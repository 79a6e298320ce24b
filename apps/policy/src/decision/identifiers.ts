import type { Entity } from '@gatehouse/contracts';
import type { Pepper } from '@gatehouse/crypto';
import type { Attributes, Request } from '@gatehouse/evaluator';
import { ProblemError } from '@gatehouse/http';
import { isRecordedWhole, isSuspicious, recordableText } from '@gatehouse/telemetry';
import type { Question } from './question.js';

/**
 * Identifiers are recorded for ever, so one that is somebody's address, or a key that a caller put into the wrong
 * field, must not be: it is replaced by a keyed pseudonym, the same in grants, decisions and searches. An address keeps its
 * domain, which rules may speak of.
 */
export function recordable(pepper: Pepper, entity: Entity): Entity {
  const { type, id } = entity;
  return { type: recordableText(pepper, type), id: recordableText(pepper, id) };
}

export const noRoom = 'has more addresses or keys in an identifier than there is room for';

/** The record would hide the end of a text of the question, and with it whatever a rule says about that end: it is not decided. */
export class Undecidable extends ProblemError {
  constructor() {
    super('validation_failed', undefined, { errors: [{ path: 'body', message: noRoom }] });
  }
}

/** The same for what is decided on. @throws Undecidable */
function decidableText(pepper: Pepper, text: string): string {
  if (isRecordedWhole(pepper, text)) return recordableText(pepper, text);
  throw new Undecidable();
}

/** Whether nothing in a value is even suspicious, names of members included. */
function isPlain(value: unknown): boolean {
  if (typeof value === 'string') return !isSuspicious(value);
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isPlain);
  for (const name in value)
    if (isSuspicious(name) || !isPlain((value as Readonly<Record<string, unknown>>)[name])) return false;
  return true;
}

/** A value of an attribute, with its texts as they may be recorded. What needs no change is the same object. */
export function recordableValue<T>(pepper: Pepper, value: T, textOf = recordableText): T {
  if (isPlain(value)) return value;
  if (typeof value === 'string') return textOf(pepper, value) as T;
  let changed = false;
  const made = Object.entries(value as object).map(([name, member]) => {
    const [key, text] = [textOf(pepper, name), recordableValue(pepper, member, textOf)];
    changed ||= key !== name || text !== member;
    return [key, text] as const;
  });
  if (!changed) return value;
  return (Array.isArray(value) ? made.map(([, member]) => member) : Object.fromEntries(made)) as T;
}

/** An entity with its properties, to be decided on. */
function decidableOf<E extends Entity & { readonly properties?: Attributes }>(pepper: Pepper, entity: E): E {
  const { type, id, properties } = entity;
  if (!isSuspicious(id) && !isSuspicious(type) && isPlain(properties)) return entity;
  const shown = properties && recordableValue(pepper, properties, decidableText);
  const names = { type: decidableText(pepper, type), id: decidableText(pepper, id) };
  return { ...entity, ...names, ...(shown && { properties: shown }) };
}

/**
 * Puts questions into the form that may be recorded, and that is decided on. Those of a batch are mostly about one subject, the
 * same object: that is looked at once. What it answers throws {@link Undecidable} where that form hides something.
 */
export function recordableRequests(pepper: Pepper): (question: Question) => Request {
  let [last, shown]: [Question['subject'] | undefined, Request['subject']] = [undefined, { type: '', id: '' }];
  return ({ subject, action, actionProperties, resource, context }) => {
    if (subject !== last) [last, shown] = [subject, decidableOf(pepper, subject)];
    const name = decidableText(pepper, action);
    const names = {
      subject: shown,
      action: actionProperties
        ? { name, properties: recordableValue(pepper, actionProperties, decidableText) }
        : { name },
      resource: decidableOf(pepper, resource),
    };
    return context ? { ...names, context: recordableValue(pepper, context, decidableText) } : names;
  };
}

/** One question in the form that may be recorded. */
export const recordableRequest = (pepper: Pepper, question: Question): Request => recordableRequests(pepper)(question);
