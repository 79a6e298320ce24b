import { builtinRoleNames } from '../builtin-roles.js';
import type { Attributes, Entity, EntityFacts, FactChange, Grant, PolicyDocument, Request, Value } from '../model.js';
import {
  actions,
  addresses,
  containers,
  customRoles,
  groups,
  holders,
  labelKeys,
  labelValues,
  memberNames,
  moments,
  propertyNames,
  relations,
  resources,
  scalars,
  subjects,
  tenants,
  withProto,
} from './alphabet.fixture.js';
import { randomDocument } from './generate-policy.fixture.js';
import type { NaiveFacts, TenantChange } from './known.fixture.js';
import { Random } from './random.fixture.js';

export interface Case {
  readonly document: PolicyDocument | undefined;
  readonly facts: NaiveFacts;
  readonly requests: readonly Request[];
  readonly nowMs: number;
}

/** The same case for the same number, always. */
export function randomCase(seed: number, requests: number): Case {
  const random = new Random(seed);
  return {
    document: randomDocument(random),
    facts: randomFacts(random),
    requests: Array.from({ length: requests }, () => randomRequest(random)),
    nowMs: random.of(moments),
  };
}

function randomFacts(random: Random): NaiveFacts {
  const grants = random.list(4, 14, (at) => randomGrant(random, at));
  const changes = random.list(random.chance(0.1) ? 0 : 10, random.chance(0.5) ? 20 : 50, (): TenantChange => {
    const tenantId = random.chance(0.88) ? tenants[0] : tenants[1];
    return { tenantId, change: randomChange(random, grants) };
  });
  const chain = random.chance(0.05) ? longChain(random) : [];
  const crowd = random.chance(0.03) ? manyGrants(random) : [];
  return { tenantId: tenants[0], changes: [...changes, ...chain, ...crowd] };
}

/** Half of the time one of the first four, so that the parts of a case speak of the same things. */
const often = <T>(random: Random, values: readonly T[]): T =>
  random.of(random.chance(0.5) ? values.slice(0, 4) : values);

/** The same id is never another grant: ids are unique within a tenant. */
function randomGrant(random: Random, at: number): Grant {
  const id = random.of([`g${at}`, `G${at}`, `owner:project/p1#${at}`, `__proto__${at}`]);
  const role = random.chance(0.05) ? 'ghost' : random.of([...builtinRoleNames, ...customRoles, ...customRoles]);
  const scope = random.chance(0.4) ? '*' : often(random, resources);
  return { id, subject: often(random, holders), role, scope };
}

function randomChange(random: Random, grants: readonly Grant[]): FactChange {
  const kind = random.next();
  if (kind < 0.35) return { kind: 'granted', grant: random.of(grants) };
  if (kind < 0.42) return { kind: 'revoked', grantId: random.of(grants).id };
  if (kind < 0.54) return { kind: 'joined', group: random.of(groups), member: often(random, subjects) };
  if (kind < 0.58) return { kind: 'left', group: random.of(groups), member: random.of(subjects) };
  if (kind < 0.84) return { kind: 'described', facts: randomDescription(random) };
  if (kind < 0.87) return { kind: 'forgotten', entity: random.of([...resources, ...subjects]) };
  const relationship = {
    subject: often(random, holders),
    relation: random.of(relations),
    resource: often(random, resources),
  };
  return { kind: kind < 0.97 ? 'related' : 'unrelated', relationship };
}

const randomDescription = (random: Random): EntityFacts => ({
  entity: random.chance(0.6) ? often(random, resources) : often(random, subjects),
  labels: Object.fromEntries(random.some(labelKeys, 0, 3).map((key) => [key, random.of(labelValues)])),
  properties: randomProperties(random),
  // Any container, itself too: cycles are the point.
  parents: random.some(containers, 0, 3),
  ...(random.chance(0.4) && { owner: often(random, holders) }),
});

/** Longer than what is followed; the grants that count stand at its end. */
function longChain(random: Random): TenantChange[] {
  const length = 60 + random.below(10);
  const start = often(random, resources);
  const link = (at: number): Entity => (at === 0 ? start : { type: 'link', id: String(at) });
  const describe = (at: number): FactChange => ({
    kind: 'described',
    facts: { entity: link(at), labels: {}, properties: {}, parents: [link(at + 1)] },
  });
  const grant = { id: 'far', subject: often(random, subjects), role: 'owner', scope: link(62 + random.below(6)) };
  const changes: FactChange[] = [...Array.from({ length }, (_, at) => describe(at)), { kind: 'granted', grant }];
  return changes.map((change) => ({ tenantId: tenants[0], change }));
}

/** More of them match than evidence has room for. */
function manyGrants(random: Random): TenantChange[] {
  const subject = often(random, subjects);
  return random.list(14, 24, (at): TenantChange => {
    const role = random.of([...builtinRoleNames, ...customRoles]);
    const change: FactChange = { kind: 'granted', grant: { id: `many${at}`, subject, role, scope: '*' } };
    return { tenantId: tenants[0], change };
  });
}

export function randomRequest(random: Random): Request {
  const properties = () => (random.chance(0.4) ? { properties: randomProperties(random) } : {});
  return {
    subject: { ...often(random, subjects), ...properties() },
    action: { name: random.chance(0.5) ? random.of(actions.slice(0, 8)) : random.of(actions), ...properties() },
    resource: { ...often(random, resources), ...properties() },
    ...(random.chance(0.7) && { context: randomProperties(random) }),
  };
}

function randomProperties(random: Random): Attributes {
  if (random.chance(0.03)) return withProto(random.of(scalars));
  return Object.fromEntries(random.some(propertyNames, 0, 6).map((name) => [name, randomValue(random, name)]));
}

function randomValue(random: Random, name: string): Value {
  if (name === 'ip' && random.chance(0.85)) return random.of(addresses);
  if (name === 'list' && random.chance(0.85))
    return random.list(0, 4, () => (random.chance(0.9) ? random.of(scalars) : []));
  if (name === 'deep' && random.chance(0.85)) return randomObject(random);
  if (random.chance(0.08)) return random.of<Value>([[], {}, [1], { a: 1 }]);
  return random.of(scalars);
}

function randomObject(random: Random): Attributes {
  if (random.chance(0.1)) return withProto(1);
  const names = memberNames.filter((name) => name !== '__proto__');
  return Object.fromEntries(
    random.some(names, 0, 4).map((name) => [name, random.chance(0.2) ? { a: random.of(scalars) } : random.of(scalars)]),
  );
}
