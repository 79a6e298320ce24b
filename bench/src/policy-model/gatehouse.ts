import {
  type CompiledPolicy,
  compile,
  evaluate,
  type FactChange,
  FactHistory,
  LiveFacts,
  type PolicyDocument,
  type Request,
  type TenantFacts,
} from '@gatehouse/evaluator';
import { type AccessModel, type Check, resourceType } from './access-model.js';

const tenantId = 'acme';
const nowMs = 1_700_000_000_000;

export const documentOf = ({ roles }: AccessModel): PolicyDocument => ({
  roles: roles.map(({ name, everywhere, ownDepartment }) => ({
    name,
    rules: [
      { effect: 'permit', actions: everywhere, resources: [`${resourceType}/*`] },
      {
        effect: 'permit',
        actions: ownDepartment,
        resources: [`${resourceType}/*`],
        when: { 'resource.department': { path: 'subject.department' } },
      },
    ],
  })),
});

function changesOf({ users, resources }: AccessModel): readonly FactChange[] {
  const described = (type: string, id: string, department: string): FactChange => ({
    kind: 'described',
    facts: { entity: { type, id }, labels: {}, properties: { department }, parents: [] },
  });
  const granted = (id: string, role: string): FactChange => ({
    kind: 'granted',
    grant: { id: `${id}:${role}`, subject: { type: 'user', id }, role, scope: '*' },
  });
  return [
    ...users.flatMap(({ id, department, roles }) => [
      described('user', id, department),
      ...roles.map((role) => granted(id, role)),
    ]),
    ...resources.map(({ id, department }) => described(resourceType, id, department)),
  ];
}

export function factsOf(model: AccessModel): LiveFacts {
  const facts = new LiveFacts();
  for (const change of changesOf(model)) facts.apply(tenantId, change);
  return facts;
}

/** Requests as they arrive: names from the caller, attributes from the facts. */
export const requestOf = ({ users, resources }: AccessModel, { user, resource, action }: Check): Request => ({
  subject: { type: 'user', id: users[user]?.id ?? '' },
  action: { name: action },
  resource: { type: resourceType, id: resources[resource]?.id ?? '' },
});

export interface Ours {
  readonly policy: CompiledPolicy;
  readonly decide: (request: Request) => boolean;
}

/**
 * The same facts at a moment of a past in which every grant was made, ended and made again before it, and all ended after it;
 * and the live ones beside it.
 */
export function pastAndLive(model: AccessModel): { readonly past: TenantFacts; readonly live: TenantFacts } {
  const changes = changesOf(model);
  const ended = changes.flatMap((change): FactChange[] =>
    change.kind === 'granted' ? [{ kind: 'revoked', grantId: change.grant.id }] : [],
  );
  const history = new FactHistory(tenantId);
  const before = [...changes, ...ended, ...changes];
  for (const [step, change] of [...before, ...ended].entries()) history.apply(step, change);
  return { past: history.at(before.length - 1), live: factsOf(model).tenant(tenantId) };
}

export function gatehouse(model: AccessModel, more: Partial<PolicyDocument> = {}): Ours {
  const facts = factsOf(model);
  const policy = compile({ digest: 'bench', document: { ...documentOf(model), ...more } });
  return { policy, decide: (request) => evaluate(policy, facts.tenant(tenantId), request, nowMs).decision };
}
