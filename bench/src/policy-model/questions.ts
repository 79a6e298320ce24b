import { type AccessModel, type Check, resourceType } from './access-model.js';

/** How one engine is asked over HTTP, and what its answer says. */
export interface Dialect {
  readonly path: string;
  readonly batchPath: string;
  single(check: Check): string;
  /** Checks of one user. */
  batch(checks: readonly Check[]): string;
  /** One answer for each check. */
  read(answer: never, checks: readonly Check[]): readonly boolean[];
}

const named = ({ users, resources }: AccessModel, check: Check) => ({
  user: users[check.user] as AccessModel['users'][number],
  resource: resources[check.resource] as AccessModel['resources'][number],
});

/** Cerbos is told roles and attributes with each request. */
export function cerbosDialect(model: AccessModel): Dialect {
  const batch = (checks: readonly Check[]): string => {
    const [first] = checks;
    const { user } = named(model, first as Check);
    return JSON.stringify({
      requestId: 'bench',
      principal: { id: user.id, roles: user.roles, attr: { department: user.department } },
      resources: checks.map((check) => {
        const { id, department } = named(model, check).resource;
        return { resource: { kind: resourceType, id, attr: { department } }, actions: [check.action] };
      }),
    });
  };
  return {
    path: '/api/check/resources',
    batchPath: '/api/check/resources',
    single: (check) => batch([check]),
    batch,
    read: (answer: { results: { actions: Record<string, string> }[] }, checks) =>
      checks.map(({ action }, i) => answer.results[i]?.actions[action] === 'EFFECT_ALLOW'),
  };
}

/** AuthZEN: attributes with each request, for the same work; roles are facts of ours. */
export function authzenDialect(model: AccessModel): Dialect {
  const parts = (check: Check) => {
    const { user, resource } = named(model, check);
    return {
      subject: { type: 'user', id: user.id, properties: { department: user.department } },
      action: { name: check.action },
      resource: { type: resourceType, id: resource.id, properties: { department: resource.department } },
    };
  };
  return {
    path: '/access/v1/evaluation',
    batchPath: '/access/v1/evaluations',
    single: (check) => JSON.stringify(parts(check)),
    batch: (checks) =>
      JSON.stringify({
        subject: parts(checks[0] as Check).subject,
        evaluations: checks.map((check) => {
          const { action, resource } = parts(check);
          return { action, resource };
        }),
      }),
    read: (answer: { decision?: boolean; evaluations?: { decision: boolean }[] }, checks) =>
      checks.map((_, i) => (answer.evaluations?.[i] ?? answer).decision === true),
  };
}

/** Checks of one user at a time, at most 50 together, as Cerbos takes them. */
export function batches(checks: readonly Check[], size: number): (readonly Check[])[] {
  const byUser = new Map<number, Check[]>();
  for (const check of checks) byUser.set(check.user, [...(byUser.get(check.user) ?? []), check]);
  return [...byUser.values()].flatMap((of) =>
    Array.from({ length: Math.ceil(of.length / size) }, (_, i) => of.slice(i * size, (i + 1) * size)),
  );
}
