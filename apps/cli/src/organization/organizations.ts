import { defineCommand } from '../command.js';
import { usageFailure } from '../failure.js';
import { base, choiceOf, type Membership, type Tenant, tellTenant, withOrg } from './tenants.js';

export const listOrganizations = defineCommand({
  command: 'list',
  describe: 'List the tenants the caller belongs to, with the role in each',
  run: async (_flags, { client, output }) => {
    const tenants: Membership[] = [];
    let cursor: string | undefined;
    do {
      type Page = { tenants: Membership[]; nextCursor: string | null };
      const page = await client().get<Page>(`${base}/tenants`, { limit: 200, cursor });
      tenants.push(...page.tenants);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    if (output.isJson) output.json({ tenants });
    else
      output.table(
        ['ID', 'NAME', 'KIND', 'MY ROLE', 'SINCE'],
        tenants.map((each) => [each.tenantId, each.name, each.kind, each.role, output.time(each.addedAt)]),
      );
    return undefined;
  },
});

export const createOrganization = defineCommand({
  command: 'create <id> <name>',
  describe: 'Make an organization, with the caller as its owner',
  options: (parser) =>
    parser
      .positional('id', {
        type: 'string',
        demandOption: true,
        describe: 'Lower-case letters, digits, hyphens; for ever',
      })
      .positional('name', { type: 'string', demandOption: true })
      .example('$0 org create acme "Acme Inc."', ''),
  run: async ({ id, name }, { client, output }) =>
    tellTenant(output, await client().post<Tenant>(`${base}/organizations`, { id, name })),
});

export const showOrganization = defineCommand({
  command: 'show',
  describe: 'Show one tenant, and the caller’s role in it',
  options: (parser) => withOrg(parser),
  run: async ({ org }, { client, output }) =>
    tellTenant(output, await client().get<Tenant>(`${base}/tenant`, {}, choiceOf(org))),
});

export const renameOrganization = defineCommand({
  command: 'rename <name>',
  describe: 'Give an organization another name; its id stays',
  options: (parser) => withOrg(parser.positional('name', { type: 'string', demandOption: true })),
  run: async ({ name, org }, { client, output }) =>
    tellTenant(output, await client().patch<Tenant>(`${base}/tenant`, { name }, choiceOf(org))),
});

export const closeOrganization = defineCommand({
  command: 'close <id>',
  describe: 'Close an organization for good: its members, keys and invitations end',
  options: (parser) =>
    parser
      .positional('id', { type: 'string', demandOption: true })
      .option('reason', { type: 'string', requiresArg: true, describe: 'Recorded as it is: no personal data' })
      .option('yes', { type: 'boolean', default: false, describe: 'Needed: it cannot be undone' }),
  run: async ({ id, reason, yes }, { client, output }) => {
    if (!yes) throw usageFailure(`closing ${id} cannot be undone`, 'Say --yes to close it');
    const body = reason === undefined ? {} : { reason };
    return tellTenant(output, await client().post<Tenant>(`${base}/tenant/close`, body, choiceOf(id)));
  },
});
