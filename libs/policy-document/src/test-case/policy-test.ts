import {
  type FieldError,
  type Grant,
  type Parsed,
  parseRequest,
  parseResource,
  parseScope,
  parseSubject,
  type Reason,
  type Request,
  type Resource,
  type Subject,
} from '@gatehouse/evaluator';
import { error, type Finding } from '../finding.js';
import type { WrittenTest } from '../schema/test-case.js';

/** A question to a policy, what is known when it is asked, and the answer that is expected. */
export interface PolicyTest {
  readonly name: string;
  readonly request: Request;
  readonly facts: TestFacts;
  /** RFC 3339. */
  readonly now: string;
  readonly expect: Expectation;
}

export interface TestFacts {
  readonly grants: readonly Omit<Grant, 'id'>[];
  readonly groups: readonly { readonly group: Subject; readonly member: Subject }[];
  readonly entities: readonly {
    readonly entity: Resource;
    readonly labels: { readonly [key: string]: string };
    readonly properties: NonNullable<Request['context']>;
    readonly parents: readonly Resource[];
    readonly owner?: Subject;
  }[];
  readonly relationships: readonly {
    readonly subject: Subject;
    readonly relation: string;
    readonly resource: Resource;
  }[];
}

export interface Expectation {
  readonly decision: 'permit' | 'deny';
  readonly reason?: Reason;
  readonly matched?: readonly string[];
  readonly obligations?: readonly string[];
}

/** Tests answer the same at any time of day: a Monday at noon. */
const defaultNow = '2026-01-05T12:00:00Z';

/** The test that was written, with every name made an entity; `path` is where it stands. */
export function readTest(written: WrittenTest, path: string): { test?: PolicyTest; findings: readonly Finding[] } {
  const findings: Finding[] = [];
  const take = <T>(parsed: Parsed<T>, fallback: T, below: string): T => {
    if (parsed.ok) return parsed.value;
    // Of a request the error says which part; elsewhere the part was asked for alone.
    const at = (fault: FieldError) => `${path}.${below}${below === 'request' ? `.${fault.path}` : ''}`;
    findings.push(...parsed.errors.map((fault) => error('value_wrong', at(fault), fault.message)));
    return fallback;
  };
  const nobody = { type: '', id: '' };
  const subject = (value: unknown, below: string): Subject => take(parseSubject(split(value)), nobody, below);
  const resource = (value: unknown, below: string): Resource => take(parseResource(split(value)), nobody, below);
  const { facts = {}, expect } = written;
  const test: PolicyTest = {
    name: written.name,
    request: requestOf(written, take),
    facts: {
      grants: (facts.grants ?? []).map((grant, i) => ({
        subject: subject(grant.subject, `facts.grants.${i}.subject`),
        role: grant.role,
        scope: take(parseScope(split(grant.scope ?? '*')), '*', `facts.grants.${i}.scope`),
      })),
      groups: (facts.groups ?? []).map(({ group, member }, i) => ({
        group: subject(group, `facts.groups.${i}.group`),
        member: subject(member, `facts.groups.${i}.member`),
      })),
      entities: (facts.entities ?? []).map(({ entity, labels = {}, properties = {}, parents = [], owner }, i) => ({
        entity: resource(entity, `facts.entities.${i}.entity`),
        labels,
        properties: properties as NonNullable<Request['context']>,
        parents: parents.map((parent, j) => resource(parent, `facts.entities.${i}.parents.${j}`)),
        ...(owner !== undefined && { owner: subject(owner, `facts.entities.${i}.owner`) }),
      })),
      relationships: (facts.relationships ?? []).map((one, i) => ({
        subject: subject(one.subject, `facts.relationships.${i}.subject`),
        relation: one.relation,
        resource: resource(one.resource, `facts.relationships.${i}.resource`),
      })),
    },
    now: written.now ?? defaultNow,
    expect: (typeof expect === 'string' ? { decision: expect } : expect) as Expectation,
  };
  return findings.length > 0 ? { findings } : { test, findings };
}

function requestOf(written: WrittenTest, take: <T>(parsed: Parsed<T>, fallback: T, below: string) => T): Request {
  const { subject, action, resource, context } = written.request;
  const nothing: Request = { subject: { type: '', id: '' }, action: { name: '' }, resource: { type: '', id: '' } };
  const value = {
    subject: split(subject),
    action: typeof action === 'string' ? { name: action } : action,
    resource: split(resource),
    ...(context && { context }),
  };
  return take(parseRequest(value), nothing, 'request');
}

/** `type/id` as an entity, a word alone as a scope. */
function split(value: unknown): unknown {
  if (typeof value !== 'string' || value === '*') return value;
  const slash = value.indexOf('/');
  return slash < 0 ? { type: 'scope', id: value } : { type: value.slice(0, slash), id: value.slice(slash + 1) };
}
