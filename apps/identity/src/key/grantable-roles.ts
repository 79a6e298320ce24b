import { type Authorize, type HttpRequest, type Principal, ProblemError } from '@gatehouse/http';

/**
 * Nobody hands out what he may not grant: each role is a decision of its own. @throws ProblemError `forbidden`, which
 * names the role
 */
export async function grantableRoles(
  authorize: Authorize,
  caller: Principal,
  roles: readonly string[],
  request: HttpRequest,
): Promise<void> {
  for (const role of new Set(roles)) {
    const answer = await authorize(caller, 'role.grant', `role/${role}`, request);
    if (answer.allowed !== true) throw new ProblemError('forbidden', `The caller may not grant the role ${role}`);
  }
}
