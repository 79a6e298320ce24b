import type { CedarValueJson, EntityJson, EntityUidJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { Attributes, Entity, Value } from '../model.js';
import { engine } from './engine.js';
import { cedarType } from './entity-name.js';
import type { Case } from './random-world.fixture.js';

/** What an engine says of all policies of a set; names are `policyN`. */
export interface Answer {
  readonly decision: 'allow' | 'deny';
  readonly reason: readonly string[];
  readonly errors: readonly string[];
}

const uid = ({ type, id }: Entity): EntityUidJson & Entity => ({ type: cedarType(type), id });
const hidden = new Set(['__entity', '__extn', '__expr']);

/** semantics.md 9 once more, the whole at once: JSON that Cedar's own engine takes for the same. */
function json(value: Value): CedarValueJson | undefined {
  if (value === null) return undefined;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value + 0 : undefined;
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(json).filter((member) => member !== undefined);
  return record(value as Attributes);
}

function record(attributes: Attributes): Record<string, CedarValueJson> {
  const members = Object.entries(attributes).flatMap(([name, value]) => {
    const made = hidden.has(name) ? undefined : json(value);
    return made === undefined ? [] : [[name, made] as const];
  });
  return Object.fromEntries(members);
}

function entities({ request, known }: Case): EntityJson[] {
  const { subject, resource } = request;
  const isOne = subject.type === resource.type && subject.id === resource.id;
  const describe = (of: Entity, given: readonly (Attributes | undefined)[], parents: readonly Entity[]): EntityJson => {
    const facts = known.entities.find(({ entity }) => entity.type === of.type && entity.id === of.id);
    const { owner: _, ...properties } = Object.assign({}, facts?.properties, ...given) as Attributes;
    return {
      uid: uid(of),
      attrs: {
        ...record(properties),
        id: of.id,
        type: of.type,
        labels: record(facts?.labels ?? {}),
        ...(facts?.owner && { owner: { __entity: uid(facts.owner) } }),
      },
      parents: parents.map(uid),
    };
  };
  const roles = known.roles.map((id) => ({ type: 'role', id }));
  const ofPrincipal = [...known.groups.map(uid), ...roles];
  const one = (parents: EntityJson['parents'], entity: EntityJson): EntityJson => ({ ...entity, parents });
  if (isOne) {
    const merged = describe(subject, [resource.properties, subject.properties], []);
    return [one([...ofPrincipal, ...known.ancestors.map(uid)], merged)];
  }
  return [
    one(ofPrincipal, describe(subject, [subject.properties], [])),
    describe(resource, [resource.properties], known.ancestors),
  ];
}

function context({ request, nowMs }: Case): Record<string, CedarValueJson> {
  return {
    ...record(request.context ?? {}),
    action: { ...record(request.action.properties ?? {}), name: request.action.name },
    now: { __extn: { fn: 'datetime', arg: new Date(nowMs).toISOString() } },
  };
}

/** Always under the same name: the engine keeps every set it has a name for. */
export function prepare(text: string): void {
  const answer = engine().preparsePolicySet('reference', { staticPolicies: text });
  if (answer.type === 'failure') throw new Error(`${answer.errors[0]?.message}\n${text}`);
}

/** A case in the engine's own words, made once for many sets of policies. */
export const callOf = (of: Case) => ({
  principal: uid(of.request.subject),
  action: { type: 'Action', id: of.request.action.name },
  resource: uid(of.request.resource),
  context: context(of),
  preparsedPolicySetId: 'reference',
  entities: entities(of),
});

type Call = ReturnType<typeof callOf>;

/**
 * Calls without the attributes that the text never names: an engine can't see them, and reading them takes most of its time.
 * The context stays as it is where it is used as a whole.
 */
export function named(text: string): (call: Call) => Call {
  const isNamed = new Map<string, boolean>();
  const keep = (name: string): boolean => {
    const known = isNamed.get(name) ?? [`.${name}`, `"${name}"`, ` has ${name}`].some((use) => text.includes(use));
    isNamed.set(name, known);
    return known;
  };
  const only = <T extends object>(of: T): T =>
    Object.fromEntries(Object.entries(of).filter(([name]) => keep(name))) as T;
  const isWhole = /context(?!\.|\[)/.test(text);
  return ({ context: given, entities: described, ...call }) => ({
    ...call,
    context: isWhole ? given : only(given),
    entities: described.map((entity) => ({ ...entity, attrs: only(entity.attrs) })),
  });
}

/** What Cedar's own engine says of the set that was prepared last. */
export function reference(call: Call): Answer {
  const answer = engine().statefulIsAuthorized(call);
  if (answer.type === 'failure') throw new Error(`${answer.errors[0]?.message}\n${JSON.stringify(call)}`);
  const { decision, diagnostics } = answer.response;
  return {
    decision,
    reason: [...diagnostics.reason].sort(),
    errors: diagnostics.errors.map(({ policyId }) => policyId).sort(),
  };
}
