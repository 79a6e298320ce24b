import { Caller, defineRoute, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { ActivePolicies } from '../version/active-policies.js';
import { cellsOf, namedTypes, otherTypes } from './matrix/matrix.js';
import { roleNames } from './roles.js';

const mayRead = { kind: 'action', action: 'policy.read', resource: 'policy/roles' } as const;

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/policy/roles',
  summary: 'Shows every role with its rules, built in and custom',
  access: mayRead,
});
const matrix = defineRoute({
  method: 'GET',
  path: '/api/v1/policy/matrix',
  summary: 'Shows what each role may do: role x action x type of resource, a few roles at a time',
  access: mayRead,
  query: z.object({
    limit: z.coerce.number().int().min(1).max(20).default(10),
    cursor: z.string().max(64).optional(),
    role: z.string().max(64).optional(),
  }),
});

const isBuiltin = (name: string): boolean => (roleNames as readonly string[]).includes(name);

@Controller()
export class RoleController {
  constructor(@Inject(ActivePolicies) private readonly policies: ActivePolicies) {}

  @Route(list)
  list(@Caller() { tenantId }: Principal) {
    const { policy } = this.policies.of(tenantId, 'policy.read');
    return { digest: policy.digest, roles: policy.roles.map((role) => ({ ...role, builtin: isBuiltin(role.name) })) };
  }

  @Route(matrix)
  matrix(@Input() { query }: InputOf<typeof matrix>, @Caller() { tenantId }: Principal) {
    const { policy } = this.policies.of(tenantId, 'policy.read');
    const { limit, cursor = '', role } = query;
    const types = [otherTypes, ...namedTypes(policy)];
    const names = policy.roles.map(({ name }) => name);
    const from = names.indexOf(cursor) + 1;
    const wanted = role === undefined ? names.slice(from) : names.filter((name) => name === role);
    const page = wanted.slice(0, limit);
    return {
      digest: policy.digest,
      actions: policy.actions,
      types,
      roles: page.map((name) => ({
        name,
        builtin: isBuiltin(name),
        cells: cellsOf(policy, name, policy.actions, types),
      })),
      nextCursor: wanted.length > limit ? (page.at(-1) ?? null) : null,
    };
  }
}
