import { defineCommand, type Tools } from '../command.js';
import { allMembers, base, choiceOf, findMember, type Member, memberLine, roles, withOrg } from './tenants.js';

function tell({ output }: Tools, member: Member, text: string): undefined {
  if (output.isJson) output.json(member);
  else output.line(text);
  return undefined;
}

export const listMembers = defineCommand({
  command: 'members',
  describe: 'List the members of an organization',
  options: (parser) => withOrg(parser),
  run: async ({ org }, { client, output }) => {
    const members = await allMembers(client(), org);
    if (output.isJson) output.json({ members });
    else
      output.table(
        ['NAME', 'ADDRESS', 'ROLE', 'SINCE', 'ID'],
        members.map((each) => [each.name ?? '', each.email ?? '', each.role, output.time(each.addedAt), each.userId]),
      );
    return undefined;
  },
});

export const removeMember = defineCommand({
  command: 'remove <member>',
  describe: 'Remove a member, by id or address, with his teams, project roles and keys there',
  options: (parser) => withOrg(parser.positional('member', { type: 'string', demandOption: true })),
  run: async ({ member, org }, tools) => {
    const found = await findMember(tools.client(), member, org);
    const removed = await tools.client().delete<Member>(`${base}/members/${found.userId}`, choiceOf(org));
    return tell(tools, removed, `${memberLine(found)} is no member any more`);
  },
});

export const changeRole = defineCommand({
  command: 'role <member> <role>',
  describe: 'Give a member another role, never above one’s own',
  options: (parser) =>
    withOrg(
      parser
        .positional('member', { type: 'string', demandOption: true })
        .positional('role', { choices: roles, demandOption: true }),
    ),
  run: async ({ member, role, org }, tools) => {
    const found = await findMember(tools.client(), member, org);
    const path = `${base}/members/${found.userId}`;
    const changed = await tools.client().patch<Member>(path, { role }, choiceOf(org));
    return tell(tools, changed, `${memberLine(found)} is ${changed.role}`);
  },
});

export const leaveOrganization = defineCommand({
  command: 'leave <id>',
  describe: 'Leave an organization; the last owner cannot',
  options: (parser) => parser.positional('id', { type: 'string', demandOption: true }),
  run: async ({ id }, tools) => {
    const left = await tools.client().post<Member>(`${base}/members/leave`, undefined, choiceOf(id));
    return tell(tools, left, `${id} is left`);
  },
});

export const transferOwnership = defineCommand({
  command: 'transfer <member>',
  describe: 'Give ownership to a member; the caller becomes an admin',
  options: (parser) => withOrg(parser.positional('member', { type: 'string', demandOption: true })),
  run: async ({ member, org }, tools) => {
    const found = await findMember(tools.client(), member, org);
    const path = `${base}/tenant/transfer`;
    const owner = await tools.client().post<Member>(path, { to: found.userId }, choiceOf(org));
    return tell(tools, owner, `${memberLine(found)} is ${owner.role}`);
  },
});
