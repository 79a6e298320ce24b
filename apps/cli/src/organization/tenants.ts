import type { Argv } from 'yargs';
import type { Client } from '../client.js';
import type { GlobalFlags } from '../command.js';
import { exitCodes, Failure } from '../failure.js';
import type { Output } from '../output/output.js';

export const base = '/api/v1/identity';
export const roles = ['owner', 'admin', 'maintainer', 'developer', 'user', 'viewer'] as const;

export interface Tenant {
  readonly tenantId: string;
  readonly name: string;
  readonly kind: string;
  readonly status: string;
  readonly role?: string | null;
  readonly settings: { readonly requireSecondFactor: boolean };
}

export interface Membership {
  readonly tenantId: string;
  readonly name: string;
  readonly kind: string;
  readonly role: string;
  readonly addedAt: string;
}

export interface Member {
  readonly userId: string;
  readonly role: string;
  readonly addedAt: string;
  readonly name?: string;
  readonly email?: string;
}

/** `--org`: which of the caller's tenants is meant, when it is not the credential's own. */
export const withOrg = <F extends GlobalFlags>(parser: Argv<F>) =>
  parser.option('org', { type: 'string', requiresArg: true, describe: 'Id of the organization; else that of the key' });

export const choiceOf = (org: string | undefined): Readonly<Record<string, string>> =>
  org === undefined ? {} : { 'x-tenant-id': org };

export async function allMembers(client: Client, org: string | undefined): Promise<Member[]> {
  const members: Member[] = [];
  let cursor: string | undefined;
  do {
    type Page = { members: Member[]; nextCursor: string | null };
    const page = await client.get<Page>(`${base}/members`, { limit: 200, cursor }, choiceOf(org));
    members.push(...page.members);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return members;
}

/** By user id, or by the address where the caller may see it. */
export async function findMember(client: Client, who: string, org: string | undefined): Promise<Member> {
  const wanted = who.toLowerCase();
  const members = await allMembers(client, org);
  const member = members.find(({ userId, email }) => userId === wanted || email?.toLowerCase() === wanted);
  if (member) return member;
  throw new Failure(exitCodes.negative, `there is no member "${who}"`, 'gatehouse org members shows them all');
}

export const tenantFacts = (tenant: Tenant): [string, string | undefined][] => [
  ['id', tenant.tenantId],
  ['name', tenant.name],
  ['kind', tenant.kind],
  ['status', tenant.status],
  ['my role', tenant.role ?? undefined],
  ['second factor', tenant.settings.requireSecondFactor ? 'required' : 'not required'],
];

export const memberLine = ({ userId, email, name }: Member): string => email ?? name ?? userId;

export function tellTenant(output: Output, tenant: Tenant): undefined {
  if (output.isJson) output.json(tenant);
  else output.facts(tenantFacts(tenant));
  return undefined;
}
