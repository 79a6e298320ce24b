import { resourceCandidates, subjectCandidates } from './candidates.js';
import type { CompiledPolicy } from './compile.js';
import { evaluate } from './evaluate.js';
import type { Request, TenantFacts } from './model.js';

interface SubjectQuestion extends Pick<Request, 'action' | 'resource' | 'context'> {
  readonly type: string;
  readonly properties?: NonNullable<Request['subject']['properties']>;
}

interface ResourceQuestion extends Pick<Request, 'subject' | 'action' | 'context'> {
  readonly type: string;
  readonly properties?: NonNullable<Request['resource']['properties']>;
}

type ActionQuestion = Pick<Request, 'subject' | 'resource' | 'context'> & {
  readonly properties?: NonNullable<Request['action']['properties']>;
};

const given = <T>(properties: T | undefined) => (properties === undefined ? {} : { properties });

/** Ids of the known subjects of a type that are permitted, sorted by code unit. */
export function searchSubjects(
  policy: CompiledPolicy,
  facts: TenantFacts,
  { type, properties, ...rest }: SubjectQuestion,
  nowMs: number,
): readonly string[] {
  return subjectCandidates(policy, facts, { ...rest, type }).filter(
    (id) => evaluate(policy, facts, { ...rest, subject: { type, id, ...given(properties) } }, nowMs).decision,
  );
}

/** Ids of the known resources of a type on which the subject is permitted, sorted by code unit. */
export function searchResources(
  policy: CompiledPolicy,
  facts: TenantFacts,
  { type, properties, ...rest }: ResourceQuestion,
  nowMs: number,
): readonly string[] {
  return resourceCandidates(policy, facts, { ...rest, type }).filter(
    (id) => evaluate(policy, facts, { ...rest, resource: { type, id, ...given(properties) } }, nowMs).decision,
  );
}

/** Actions the policy or Gatehouse names that are permitted, sorted by code unit. */
export function searchActions(
  policy: CompiledPolicy,
  facts: TenantFacts,
  { properties, ...rest }: ActionQuestion,
  nowMs: number,
): readonly string[] {
  return policy.actions.filter(
    (name) => evaluate(policy, facts, { ...rest, action: { name, ...given(properties) } }, nowMs).decision,
  );
}
