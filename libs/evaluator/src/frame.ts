import type { Attributes, EntityFacts, Grant, Request, Subject, TenantFacts, Value } from './model.js';

/** One question while it is being decided; what not every rule reads is looked up when the first one does. */
export class Frame {
  #subject: EntityFacts | null | undefined;
  #resource: EntityFacts | null | undefined;
  #groups: readonly Subject[] | undefined;

  constructor(
    readonly facts: TenantFacts,
    readonly request: Request,
    readonly nowMs: number,
    /** Grants of the subject whose scope covers the resource, `owner` by ownership among them. */
    readonly covering: readonly Grant[],
  ) {}

  get groups(): readonly Subject[] {
    this.#groups ??= this.facts.groups(this.request.subject);
    return this.#groups;
  }

  get subject(): EntityFacts | null {
    if (this.#subject === undefined) this.#subject = this.facts.entity(this.request.subject) ?? null;
    return this.#subject;
  }

  get resource(): EntityFacts | null {
    if (this.#resource === undefined) this.#resource = this.facts.entity(this.request.resource) ?? null;
    return this.#resource;
  }
}

/** Undefined if it is not there. Own members only: every object has a `constructor`. */
export const memberOf = (of: Attributes | undefined | null, name: string): Value | undefined =>
  of && Object.hasOwn(of, name) ? of[name] : undefined;
