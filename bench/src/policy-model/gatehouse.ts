import {
  type CompiledPolicy,
  compile,
  evaluate,
  LiveFacts,
  type PolicyDocument,
  type Request,
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

export function factsOf({ users, resources }: AccessModel): LiveFacts {
  const facts = new LiveFacts();
  const describe = (type: string, id: string, department: string) =>
    facts.apply(tenantId, {
      kind: 'described',
      facts: { entity: { type, id }, labels: {}, properties: { department }, parents: [] },
    });
  for (const { id, department, roles } of users) {
    describe('user', id, department);
    for (const role of roles) {
      const grant = { id: `${id}:${role}`, subject: { type: 'user', id }, role, scope: '*' } as const;
      facts.apply(tenantId, { kind: 'granted', grant });
    }
  }
  for (const { id, department } of resources) describe(resourceType, id, department);
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

export function gatehouse(model: AccessModel, more: Partial<PolicyDocument> = {}): Ours {
  const facts = factsOf(model);
  const policy = compile({ digest: 'bench', document: { ...documentOf(model), ...more } });
  return { policy, decide: (request) => evaluate(policy, facts.tenant(tenantId), request, nowMs).decision };
}
