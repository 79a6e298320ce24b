import type { Client } from '../client.js';
import { exitCodes, Failure } from '../failure.js';
import type { Output } from '../output/output.js';
import { formatReference, type Reference } from '../reference.js';

/** A key as identity shows it. */
export interface Key {
  readonly keyId: string;
  readonly name: string;
  readonly family: string;
  readonly displayPrefix: string;
  readonly principal: Reference;
  readonly roles: readonly string[];
  readonly enabled: boolean;
  readonly reason?: string;
  readonly createdAt: string;
  readonly expiresAt?: string;
  readonly networks?: readonly string[];
  readonly scopes?: readonly string[];
  readonly imported?: boolean;
  readonly rotatedAt?: string;
  readonly previousValidUntil?: string;
  readonly lastUsedAt?: string;
}

export const keysPath = '/api/v1/identity/keys';
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const pageSize = 200;

export async function allKeys(client: Client): Promise<Key[]> {
  const keys: Key[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.get<{ keys: Key[]; nextCursor: string | null }>(keysPath, { limit: pageSize, cursor });
    keys.push(...page.keys);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return keys;
}

/** By id or by name: names are never used twice in a tenant. */
export async function findKey(client: Client, nameOrId: string): Promise<Key> {
  if (uuid.test(nameOrId)) return client.get<Key>(`${keysPath}/${nameOrId.toLowerCase()}`);
  const key = (await allKeys(client)).find(({ name }) => name === nameOrId);
  if (key) return key;
  throw new Failure(exitCodes.negative, `there is no key "${nameOrId}"`, 'gatehouse keys list shows them all');
}

/** Expired is a matter of the clock, which the service checks; here it is for reading. */
export function statusOf({ enabled, expiresAt }: Key, nowMs: number): string {
  if (!enabled) return 'disabled';
  return expiresAt !== undefined && Date.parse(expiresAt) <= nowMs ? 'expired' : 'enabled';
}

export function keyFacts(key: Key, output: Output): [string, string | undefined][] {
  return [
    ['name', key.name],
    ['id', key.keyId],
    ['key', `${key.displayPrefix}...`],
    ['acts as', formatReference(key.principal)],
    ['roles', key.roles.join(', ') || 'none'],
    ['status', statusOf(key, Date.now())],
    ['reason', key.reason],
    ['created', output.time(key.createdAt)],
    ['expires', output.time(key.expiresAt) || 'never'],
    ['networks', key.networks?.join(', ') ?? 'any'],
    ['scopes', key.scopes?.join(', ') ?? 'no limit'],
    ['imported', key.imported ? 'yes: its text was made elsewhere' : undefined],
    ['rotated', key.rotatedAt && output.time(key.rotatedAt)],
    ['old text until', key.previousValidUntil && output.time(key.previousValidUntil)],
    ['last used', output.time(key.lastUsedAt) || 'not seen yet'],
  ];
}
