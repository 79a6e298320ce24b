import { setImmediate as nextTurn } from 'node:timers/promises';
import { type CompiledPolicy, compile } from '@gatehouse/evaluator';
import { Caller, defineRoute, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { ActivePolicies } from '../version/active-policies.js';
import { namedTypes, otherTypes, rowOf } from './matrix/matrix.js';
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
    /** Only actions that begin so: `secret.`. */
    action: z.string().max(128).default(''),
    type: z.string().max(64).optional(),
  }),
});

/** What is shown at once of a policy that names more; the rest is to be asked for by name. */
const shown = { actions: 300, types: 24 } as const;
/** Others are served after so long. */
const turnMs = 5;
/** A large policy is answered in part. */
const budgetMs = 1_000;

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
  async matrix(@Input() { query }: InputOf<typeof matrix>, @Caller() { tenantId }: Principal) {
    const active = this.policies.of(tenantId, 'policy.read').policy;
    const { limit, cursor = '', role, action, type } = query;
    // One of its own: what it is asked here must not push out what decisions remember.
    const policy = compile({ digest: active.digest, ...(active.document && { document: active.document }) });
    const named = namedTypes(policy);
    // What no rule names is one of the others, and is not repeated to whoever asked.
    const asked = type !== undefined && named.includes(type) ? type : otherTypes;
    const allTypes = type === undefined ? [otherTypes, ...named] : [asked];
    const allActions = policy.actions.filter((name) => name.startsWith(action));
    const [actions, types] = [allActions.slice(0, shown.actions), allTypes.slice(0, shown.types)];
    const names = policy.roles.map(({ name }) => name);
    const from = names.indexOf(cursor) + 1;
    const wanted = role === undefined ? names.slice(from) : names.filter((name) => name === role);
    const page = wanted.slice(0, limit);
    const { done, cells } = await cellsOf(policy, page, actions, types);
    return {
      digest: policy.digest,
      actions: actions.slice(0, done),
      types,
      truncated: done < allActions.length || types.length < allTypes.length,
      roles: page.map((name) => ({ name, builtin: isBuiltin(name), cells: cells.get(name) })),
      nextCursor: wanted.length > limit ? (page.at(-1) ?? null) : null,
    };
  }
}

type Row = ReturnType<typeof rowOf>;

/** Role -> action -> type -> cell; what is `none` is left out. `done`: so many actions, in the time there is. */
async function cellsOf(
  policy: CompiledPolicy,
  roles: readonly string[],
  actions: readonly string[],
  types: readonly string[],
) {
  const cells = new Map(roles.map((role) => [role, {} as Record<string, Row>]));
  let turn = performance.now();
  let spentMs = 0;
  let done = 0;
  // Action by action for all roles: what a policy says of one is worked out once.
  for (const action of actions) {
    for (const [role, ofRole] of cells) {
      const row = rowOf(policy, role, action, types);
      if (Object.keys(row).length > 0) ofRole[action] = row;
    }
    done++;
    const turnTook = performance.now() - turn;
    if (turnTook < turnMs) continue;
    spentMs += turnTook;
    if (spentMs > budgetMs) break;
    await nextTurn();
    turn = performance.now();
  }
  return { done, cells };
}
