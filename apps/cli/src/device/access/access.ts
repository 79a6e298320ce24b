import type { Client } from '../../client.js';
import { type Command, commandGroup, defineCommand, type Tools } from '../../command.js';
import { exitCodes, Failure, usageFailure } from '../../failure.js';
import { allMembers, findMember, type Member } from '../../organization/tenants.js';
import { formatReference, type Reference } from '../../reference.js';
import { allPages, type Device, readDevice } from '../devices-api.js';

interface Share {
  readonly grantId: string;
  readonly subject: Reference;
  readonly role: string;
  readonly grantedBy: Reference;
  readonly grantedAt: string;
}

const sharesPath = '/api/v1/policy/shares';
const whoOption = {
  type: 'string',
  demandOption: true,
  describe: 'Address of a member, org:ID, or type/id such as team/ops or service/ci',
} as const;
const roleOption = {
  type: 'string',
  demandOption: true,
  describe: 'viewer, developer, maintainer, admin, owner, ...',
} as const;

const sharesOf = (client: Client, { id }: Device): Promise<Share[]> =>
  allPages<Share>(client, sharesPath, 'shares', { resource_type: 'device', resource_id: id });

/** Who is meant. An address is looked up among the members: policy knows ids alone. @throws Failure when it means nobody */
async function subjectOf(client: Client, who: string): Promise<Reference> {
  if (who.startsWith('org:')) return checked({ type: 'org', id: who.slice('org:'.length) }, who);
  const slash = who.indexOf('/');
  if (slash > 0) return checked({ type: who.slice(0, slash), id: who.slice(slash + 1) }, who);
  return { type: 'user', id: (await findMember(client, who, undefined)).userId };
}

function checked(subject: Reference, who: string): Reference {
  const isKnown = ['user', 'service', 'team', 'org'].includes(subject.type) && subject.id !== '';
  if (!isKnown) throw usageFailure(`"${who}" is no address, org:ID, user/ID, team/ID or service/ID`);
  return subject;
}

const isOf =
  (subject: Reference) =>
  (share: Share): boolean =>
    formatReference(share.subject) === formatReference(subject);

const share = (client: Client, subject: Reference, role: string, { id }: Device): Promise<Share> =>
  client.post<Share>(sharesPath, { subject, role, resource: { type: 'device', id } });

/** The new role first: between the two there is more access for a moment, never none. */
async function replaceShares(client: Client, subject: Reference, role: string, device: Device): Promise<Share> {
  const before = (await sharesOf(client, device)).filter(isOf(subject));
  if (before.length === 0) throw noShare(formatReference(subject), device);
  const kept = before.find((each) => each.role === role) ?? (await share(client, subject, role, device));
  await endShares(
    client,
    before.filter((each) => each.grantId !== kept.grantId),
  );
  return kept;
}

const noShare = (who: string, { name }: Device): Failure =>
  new Failure(exitCodes.negative, `${name} is not shared with ${who}`, 'gatehouse DEVICE access list');

async function endShares(client: Client, shares: readonly Share[]): Promise<void> {
  for (const { grantId } of shares) await client.delete(`${sharesPath}/${encodeURIComponent(grantId)}`);
}

/** Names for people where the caller may see them. */
async function memberNames(client: Client): Promise<Map<string, string>> {
  const members: Member[] = await allMembers(client, undefined).catch(() => []);
  return new Map(members.map(({ userId, email, name }) => [userId, email ?? name ?? userId]));
}

function tell({ output }: Tools, json: object, text: string): undefined {
  if (output.isJson) output.json(json);
  else output.line(text);
  return undefined;
}

/** Sharing of one device: grants of roles on it, which policy keeps, never above the giver's own. */
export const accessCommands = (device: string): Command =>
  commandGroup('access', 'With whom the device is shared', [
    defineCommand({
      command: 'list',
      describe: 'List with whom it is shared',
      run: async (_flags, tools) => {
        const client = tools.client();
        const shares = await sharesOf(client, await readDevice(client, device));
        const { output } = tools;
        if (output.isJson) return tell(tools, { shares }, '');
        const names = await memberNames(client);
        const rows = shares.map((each) => [
          names.get(each.subject.id) ?? formatReference(each.subject),
          each.role,
          names.get(each.grantedBy.id) ?? formatReference(each.grantedBy),
          output.time(each.grantedAt),
        ]);
        output.table(['WHO', 'ROLE', 'SHARED BY', 'SINCE'], rows);
        return undefined;
      },
    }),
    defineCommand({
      command: 'add <who> <role>',
      describe: 'Share it, with a role never above one’s own',
      options: (parser) => parser.positional('who', whoOption).positional('role', roleOption),
      run: async ({ who, role }, tools) => {
        const client = tools.client();
        const [found, subject] = await Promise.all([readDevice(client, device), subjectOf(client, who)]);
        return tell(tools, await share(client, subject, role, found), `${who} is ${role} on ${found.name}`);
      },
    }),
    defineCommand({
      command: 'update <who> <role>',
      describe: 'Give another role on it',
      options: (parser) => parser.positional('who', whoOption).positional('role', roleOption),
      run: async ({ who, role }, tools) => {
        const client = tools.client();
        const [found, subject] = await Promise.all([readDevice(client, device), subjectOf(client, who)]);
        return tell(tools, await replaceShares(client, subject, role, found), `${who} is ${role} on ${found.name}`);
      },
    }),
    defineCommand({
      command: 'remove <who>',
      describe: 'Share it no longer; what runs is cut',
      options: (parser) => parser.positional('who', whoOption),
      run: async ({ who }, tools) => {
        const client = tools.client();
        const [found, subject] = await Promise.all([readDevice(client, device), subjectOf(client, who)]);
        const mine = (await sharesOf(client, found)).filter(isOf(subject));
        if (mine.length === 0) throw noShare(who, found);
        await endShares(client, mine);
        return tell(
          tools,
          { device: found.id, subject, removed: mine.length },
          `${found.name} is not shared with ${who} any more`,
        );
      },
    }),
  ]);
