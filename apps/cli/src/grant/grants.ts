import type { Query } from '../client.js';
import { defineCommand } from '../command.js';
import { formatReference, parseReference, type Reference } from '../reference.js';

interface Grant {
  readonly grantId: string;
  readonly subject: Reference;
  readonly role: string;
  readonly scope: string;
  readonly active: boolean;
  readonly grantedBy: Reference;
  readonly grantedAt: string;
}

const grantsPath = '/api/v1/policy/grants';

export const listGrants = defineCommand({
  command: 'list',
  describe: 'List grants of roles',
  options: (parser) =>
    parser
      .option('subject', { type: 'string', requiresArg: true, describe: 'Only those of this subject, type/id' })
      .option('role', { type: 'string', requiresArg: true, describe: 'Only those of this role' })
      .option('all', { type: 'boolean', default: false, describe: 'Revoked ones too' }),
  run: async ({ subject, role, all }, tools) => {
    const who = subject === undefined ? undefined : parseReference(subject, '--subject');
    const query: Query = { role, subject_type: who?.type, subject_id: who?.id, active: all ? undefined : 'true' };
    const grants: Grant[] = [];
    let cursor: string | undefined;
    do {
      type Page = { grants: Grant[]; nextCursor: string | null };
      const page = await tools.client().get<Page>(grantsPath, { ...query, limit: 200, cursor });
      grants.push(...page.grants);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    const { output } = tools;
    if (output.isJson) output.json({ grants });
    else
      output.table(
        ['SUBJECT', 'ROLE', 'SCOPE', 'STATUS', 'GRANTED BY', 'GRANTED', 'ID'],
        grants.map((grant) => [
          formatReference(grant.subject),
          grant.role,
          grant.scope,
          grant.active ? 'active' : 'revoked',
          formatReference(grant.grantedBy),
          output.time(grant.grantedAt),
          grant.grantId,
        ]),
      );
    return undefined;
  },
});

export const createGrant = defineCommand({
  command: 'create <subject> <role>',
  describe: 'Grant a role to a subject',
  options: (parser) =>
    parser
      .positional('subject', { type: 'string', demandOption: true, describe: 'type/id, such as user/u_7' })
      .positional('role', { type: 'string', demandOption: true })
      .option('scope', { type: 'string', default: '*', requiresArg: true, describe: '* or type/id or a scope word' }),
  run: async ({ subject, role, scope }, tools) => {
    const body = { subject: parseReference(subject, 'subject'), role, scope };
    const grant = await tools.client().post<Grant>(grantsPath, body);
    if (tools.output.isJson) tools.output.json(grant);
    else tools.output.line(`${subject} is ${role} on ${grant.scope} (grant ${grant.grantId})`);
    return undefined;
  },
});

export const revokeGrant = defineCommand({
  command: 'revoke <id>',
  describe: 'Revoke a grant, by its id',
  options: (parser) => parser.positional('id', { type: 'string', demandOption: true }),
  run: async ({ id }, tools) => {
    const answer = await tools.client().delete<object>(`${grantsPath}/${encodeURIComponent(id)}`);
    if (tools.output.isJson) tools.output.json(answer);
    else tools.output.line(`grant ${id} is revoked`);
    return undefined;
  },
});
