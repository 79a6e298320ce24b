import { defineCommand } from '../command.js';
import { usageFailure } from '../failure.js';
import { parseDuration } from '../output/time.js';
import { base, choiceOf, roles, withOrg } from './tenants.js';

interface Invitation {
  readonly invitationId: string;
  readonly email?: string;
  readonly role: string;
  readonly expiresAt: string;
}

/** Whole hours, as the API takes them. @example hoursOf('7d') // 168 */
export function hoursOf(text: string): number {
  const hours = (parseDuration(text) ?? 0) / 3_600_000;
  if (Number.isInteger(hours) && hours >= 1 && hours <= 720) return hours;
  throw usageFailure(`--expires "${text}" is not between 1h and 30d, in whole hours`);
}

export const invite = defineCommand({
  command: 'invite <email>',
  describe: 'Invite somebody by mail, with a role never above one’s own',
  options: (parser) =>
    withOrg(
      parser
        .positional('email', { type: 'string', demandOption: true })
        .option('role', { choices: roles, demandOption: true, describe: 'Role of the new member' })
        .option('team', { type: 'string', array: true, nargs: 1, describe: 'Team to join as well (repeatable)' })
        .option('expires', {
          type: 'string',
          requiresArg: true,
          describe: 'How long the link works: 12h, 7d (usual), 30d',
        })
        .example('$0 org invite ann@example.org --role developer --org acme', ''),
    ),
  run: async ({ email, role, team, expires, org }, { client, output }) => {
    const body = {
      email,
      role,
      ...(team !== undefined && { teamIds: team.map(String) }),
      ...(expires !== undefined && { expiresInHours: hoursOf(expires) }),
    };
    const made = await client().post<Invitation>(`${base}/invitations`, body, choiceOf(org));
    if (output.isJson) output.json(made);
    else output.line(`${made.email ?? email} is invited as ${made.role} until ${output.time(made.expiresAt)}`);
    return undefined;
  },
});
