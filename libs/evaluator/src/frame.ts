import type { Attributes, EntityFacts, Grant, Request, Subject, TenantFacts, Value } from './model.js';

/** One question while it is being decided. */
export class Frame {
  readonly facts: TenantFacts;
  readonly request: Request;
  readonly nowMs: number;
  /** Grants of the subject whose scope covers the resource, `owner` by ownership among them. */
  readonly covering: readonly Grant[];
  readonly subject: EntityFacts | undefined;
  readonly resource: EntityFacts | undefined;
  #groups: readonly Subject[] | undefined;

  constructor(facts: TenantFacts, request: Request, nowMs: number) {
    const { covering, subject, resource } = facts.about(request.subject, request.resource);
    this.facts = facts;
    this.request = request;
    this.nowMs = nowMs;
    this.covering = covering;
    this.subject = subject;
    this.resource = resource;
    this.#groups = undefined;
  }

  /** Looked up when the first rule asks. */
  get groups(): readonly Subject[] {
    this.#groups ??= this.facts.groups(this.request.subject);
    return this.#groups;
  }
}

/** Undefined if it is not there. Own members only: every object has a `constructor`. */
export const memberOf = (of: Attributes | undefined, name: string): Value | undefined =>
  of !== undefined && Object.hasOwn(of, name) ? of[name] : undefined;
