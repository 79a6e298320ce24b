import type { Entity, EntityFacts, Request, TenantFacts } from '../model.js';
import { Datetime } from './datetime.js';
import { actionRef, entityRef, roleRef } from './entity-name.js';
import { CedarRecord, type CedarValue, type EntityRef } from './values.js';

/** These are facts: a property of the same name is never seen. */
function ownAttributes(entity: Entity, facts: EntityFacts | undefined): ReadonlyMap<string, CedarValue | undefined> {
  return new Map<string, CedarValue | undefined>([
    ['id', entity.id],
    ['type', entity.type],
    ['labels', CedarRecord.of(facts?.labels ?? {}, 1)],
    ['owner', facts?.owner && entityRef(facts.owner)],
  ]);
}

/** What policies see of one request, see semantics.md 9. Made for one decision; each part is made when a policy first asks. */
export class World {
  readonly principal: EntityRef;
  readonly action: EntityRef;
  readonly resource: EntityRef;
  readonly #isOne: boolean;
  #principalRecord: CedarRecord | undefined;
  #resourceRecord: CedarRecord | undefined;
  #context: CedarRecord | undefined;
  #principalParents: ReadonlySet<string> | undefined;
  #resourceParents: ReadonlySet<string> | undefined;

  constructor(
    private readonly facts: TenantFacts,
    private readonly request: Request,
    private readonly roles: readonly string[],
    private readonly nowMs: number,
  ) {
    this.principal = entityRef(request.subject);
    this.action = actionRef(request.action.name);
    this.resource = entityRef(request.resource);
    this.#isOne = this.principal.key === this.resource.key;
  }

  get context(): CedarRecord {
    this.#context ??= this.#makeContext();
    return this.#context;
  }

  #makeContext(): CedarRecord {
    const { name, properties } = this.request.action;
    const action = new CedarRecord(new Map([['name', name]]), properties ? [properties] : [], 1);
    const own = new Map<string, CedarValue>([
      ['action', action],
      ['now', new Datetime(Math.trunc(this.nowMs) + 0)],
    ]);
    return new CedarRecord(own, this.request.context ? [this.request.context] : []);
  }

  /** Only the principal and the resource are known; of every other entity nothing is. */
  attributes(of: EntityRef): CedarRecord | undefined {
    if (of.key === this.principal.key) {
      this.#principalRecord ??= this.#describe(this.request.subject);
      return this.#principalRecord;
    }
    if (of.key !== this.resource.key) return undefined;
    this.#resourceRecord ??= this.#describe(this.request.resource);
    return this.#resourceRecord;
  }

  #describe(entity: Request['subject']): CedarRecord {
    const facts = this.facts.entity(entity);
    const { subject, resource } = this.request;
    const given = this.#isOne ? [subject.properties, resource.properties] : [entity.properties];
    const sources = [...given, facts?.properties].filter((source) => source !== undefined);
    return new CedarRecord(ownAttributes(entity, facts), sources);
  }

  /** Whether `entity` is `of` or below it. */
  isIn(entity: EntityRef, of: string): boolean {
    if (entity.key === of) return true;
    if (entity.key === this.principal.key) {
      const above = this.#aboveOfPrincipal();
      if (above.has(of)) return true;
      return (this.#isOne || above.has(this.resource.key)) && this.#aboveOfResource().has(of);
    }
    if (entity.key !== this.resource.key) return false;
    const above = this.#aboveOfResource();
    return above.has(of) || (above.has(this.principal.key) && this.#aboveOfPrincipal().has(of));
  }

  #aboveOfPrincipal(): ReadonlySet<string> {
    if (this.#principalParents) return this.#principalParents;
    const parents = new Set<string>();
    for (const group of this.facts.groups(this.request.subject)) parents.add(entityRef(group).key);
    for (const role of this.roles) parents.add(roleRef(role).key);
    this.#principalParents = parents;
    return parents;
  }

  #aboveOfResource(): ReadonlySet<string> {
    if (this.#resourceParents) return this.#resourceParents;
    const parents = new Set<string>();
    for (const ancestor of this.facts.ancestors(this.request.resource)) parents.add(entityRef(ancestor).key);
    this.#resourceParents = parents;
    return parents;
  }
}
