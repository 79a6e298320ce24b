import type { Entity, EntityDescribed, RelationshipMade } from '@gatehouse/contracts';
import { canonicalJson, type Pepper } from '@gatehouse/crypto';
import {
  closedTypes,
  type FieldError,
  factLimits,
  formatResource,
  type Parsed,
  parseResource,
  parseSubject,
} from '@gatehouse/evaluator';
import { ProblemError } from '@gatehouse/http';
import { z } from 'zod';
import { recordable } from '../decision/identifiers.js';
import { storableLabels, storableProperties } from './storable-values.js';

/** `{type, id}`, or `type/id` as one text. */
export const nameInput = z.union([
  z.string().min(1).max(577),
  z.strictObject({ type: z.string().min(1).max(64), id: z.string().min(1).max(512) }),
]);
type NameInput = z.output<typeof nameInput>;

export const descriptionInput = z.strictObject({
  entity: nameInput,
  labels: z.record(z.string().max(128), z.string().max(1_024)).default({}),
  properties: z.record(z.string().max(1_024), z.unknown()).default({}),
  parents: z.array(nameInput).max(factLimits.parents).default([]),
  owner: nameInput.optional(),
});
export type DescriptionInput = z.output<typeof descriptionInput>;

export const relationshipInput = z.strictObject({
  subject: nameInput,
  relation: z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/),
  resource: nameInput,
});
export type RelationshipInput = z.output<typeof relationshipInput>;

/** Reads names and values into the form in which they are recorded, and collects all that is wrong with them. */
export class FactReader {
  readonly #errors: FieldError[] = [];

  constructor(private readonly pepper: Pepper) {}

  /** @throws ProblemError with every error there was */
  finish(): void {
    if (this.#errors.length > 0) throw new ProblemError('validation_failed', undefined, { errors: this.#errors });
  }

  entity(given: NameInput, path: string): Entity {
    return this.#name(parseResource(given, path));
  }

  subject(given: NameInput, path: string): Entity {
    const parsed = typeof given === 'string' ? parseResource(given, path) : ({ ok: true, value: given } as const);
    return this.#name(parsed.ok ? parseSubject(parsed.value, path) : parsed);
  }

  description(given: DescriptionInput, path: string): EntityDescribed {
    const entity = this.entity(given.entity, `${path}.entity`);
    const labels = storableLabels(this.pepper, given.labels, `${path}.labels`, this.#errors);
    if (Object.keys(labels).length > factLimits.labels)
      this.#fault(`${path}.labels`, `must be at most ${factLimits.labels}`);
    const parents = given.parents.map((parent, i) => this.entity(parent, `${path}.parents.${i}`));
    if (parents.some((parent) => formatResource(parent) === formatResource(entity)))
      this.#fault(`${path}.parents`, 'must not hold the entity itself');
    if (closedTypes.has(entity.type) && (parents.length > 0 || given.owner))
      this.#fault(path, `has neither owner nor containers, being a ${entity.type}`);
    const before = this.#errors.length;
    const properties = storableProperties(this.pepper, given.properties, `${path}.properties`, this.#errors);
    if (this.#errors.length === before && canonicalJson(properties).length > factLimits.propertiesChars)
      this.#fault(`${path}.properties`, `must have at most ${factLimits.propertiesChars} characters of JSON`);
    const owner = given.owner && this.subject(given.owner, `${path}.owner`);
    return { entity, labels, properties, parents, ...(owner && { owner }) };
  }

  relationship(given: RelationshipInput, path: string): RelationshipMade {
    return {
      subject: this.subject(given.subject, `${path}.subject`),
      relation: given.relation,
      resource: this.entity(given.resource, `${path}.resource`),
    };
  }

  #name(parsed: Parsed<Entity>): Entity {
    if (parsed.ok) return recordable(this.pepper, parsed.value);
    this.#errors.push(...parsed.errors);
    return { type: '', id: '' };
  }

  #fault(path: string, message: string): void {
    this.#errors.push({ path, message });
  }
}
