import { builtinRoles } from '@gatehouse/evaluator';
import { ProblemError } from '@gatehouse/http';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { type DialectRoute, type DialectRoutes, dialectRoute } from '../dialect-route.js';

const params = z.object({ name: z.string().max(128) });
const methods = ['GET'] as const;
const names = builtinRoles.map(({ name }) => name);

/** What a policy is here: a role that every tenant has. Shown, and changed nowhere: policy is another service's. */
@Injectable()
export class PolicyRoutes implements DialectRoutes {
  readonly routes: readonly DialectRoute[] = [
    dialectRoute({ methods, path: '/v1/sys/policy', summary: 'The roles that every tenant has' }, async () => ({
      data: { policies: names, keys: names },
      onTop: true,
    })),
    dialectRoute(
      {
        ...{ methods, path: '/v1/sys/policies/acl', summary: 'The same, as the command line asks for it' },
        query: z.object({ list: z.string().optional() }),
      },
      async () => ({ data: { keys: names } }),
    ),
    dialectRoute(
      { methods, path: '/v1/sys/policy/:name', summary: 'The rules of such a role', params },
      async (input) => {
        const rules = rulesOf(input.params.name);
        return { data: { name: input.params.name, rules }, onTop: true };
      },
    ),
    dialectRoute(
      { methods, path: '/v1/sys/policies/acl/:name', summary: 'The same, as the command line asks for it', params },
      async (input) => ({ data: { name: input.params.name, policy: rulesOf(input.params.name) } }),
    ),
  ];
}

/** @throws ProblemError `not_found` */
function rulesOf(name: string): string {
  const role = builtinRoles.find((one) => one.name === name);
  if (!role) throw new ProblemError('not_found');
  return JSON.stringify(role.rules, undefined, 2);
}
