import type { Entity } from '@gatehouse/contracts';
import { addressPseudonym, type Pepper, pseudonym } from '@gatehouse/crypto';
import type { Attributes, Request } from '@gatehouse/evaluator';
import { maskSecrets } from '@gatehouse/telemetry';
import type { Question } from './question.js';

/** Cheap and too wide: most identifiers hold none of these and are looked at no further. */
const suspicious = /@|ma[us]_|m87_|eyJ/;

function recordableText(pepper: Pepper, text: string): string {
  if (!suspicious.test(text)) return text;
  if (text.includes('@')) return addressPseudonym(pepper, text);
  return maskSecrets(text) === text ? text : pseudonym(pepper, text);
}

/**
 * Identifiers are recorded for ever, so one that is somebody's address, or a key that a caller put into the wrong
 * field, must not be: it is replaced by a keyed pseudonym, the same in grants, decisions and searches. An address keeps its
 * domain, which rules may speak of.
 */
export function recordable(pepper: Pepper, entity: Entity): Entity {
  const { type, id } = entity;
  return { type: recordableText(pepper, type), id: recordableText(pepper, id) };
}

/** A value of an attribute, with its texts as they may be recorded. What needs no change is the same object. */
export function recordableValue<T>(pepper: Pepper, value: T): T {
  if (typeof value === 'string') return recordableText(pepper, value) as T;
  if (typeof value !== 'object' || value === null) return value;
  let changed = false;
  const made = Object.entries(value).map(([name, member]) => {
    const [key, text] = [recordableText(pepper, name), recordableValue(pepper, member)];
    changed ||= key !== name || text !== member;
    return [key, text] as const;
  });
  if (!changed) return value;
  return (Array.isArray(value) ? made.map(([, member]) => member) : Object.fromEntries(made)) as T;
}

/** An entity with its properties. */
function recordableOf<E extends Entity & { readonly properties?: Attributes }>(pepper: Pepper, entity: E): E {
  const { type, id, properties } = entity;
  const isPlain = !suspicious.test(id) && !suspicious.test(type);
  const shown = properties && recordableValue(pepper, properties);
  if (isPlain && shown === properties) return entity;
  return { ...entity, ...recordable(pepper, { type, id }), ...(shown && { properties: shown }) };
}

/** A question in the form that may be recorded, and that is decided on. Costs four searches where nothing is to hide. */
export function recordableRequest(pepper: Pepper, question: Question): Request {
  const { action, actionProperties, context } = question;
  return {
    subject: recordableOf(pepper, question.subject),
    action: {
      name: recordableText(pepper, action),
      ...(actionProperties && { properties: recordableValue(pepper, actionProperties) }),
    },
    resource: recordableOf(pepper, question.resource),
    ...(context && { context: recordableValue(pepper, context) }),
  };
}
