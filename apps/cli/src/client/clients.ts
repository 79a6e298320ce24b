import { randomUUID } from 'node:crypto';
import type { Client } from '../client.js';
import { defineCommand } from '../command.js';
import { exitCodes, Failure } from '../failure.js';
import type { Output } from '../output/output.js';
import { formatFacts } from '../output/table.js';
import { formatReference, type Reference } from '../reference.js';

/** An OAuth client as identity shows it. */
export interface OauthClient {
  readonly clientId: string;
  readonly name: string;
  readonly title: string;
  readonly kind: string;
  readonly auth: string;
  readonly redirectUris: readonly string[];
  readonly scopes: readonly string[];
  readonly permissions: readonly string[];
  readonly deviceFlow: boolean;
  readonly createdAt: string;
  readonly principal?: Reference;
  readonly previousSecretUntil?: string;
}

const path = '/api/v1/identity/clients';
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const pageSize = 200;

async function allClients(client: Client): Promise<OauthClient[]> {
  const clients: OauthClient[] = [];
  let cursor: string | undefined;
  do {
    const query = { limit: pageSize, cursor };
    const page = await client.get<{ clients: OauthClient[]; nextCursor: string | null }>(path, query);
    clients.push(...page.clients);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return clients;
}

/** By id or by name: names are never used twice in a tenant. */
async function findClient(client: Client, nameOrId: string): Promise<OauthClient> {
  if (uuid.test(nameOrId)) return client.get<OauthClient>(`${path}/${nameOrId.toLowerCase()}`);
  const found = (await allClients(client)).find(({ name }) => name === nameOrId);
  if (found) return found;
  throw new Failure(exitCodes.negative, `there is no client "${nameOrId}"`, 'gatehouse clients list shows them all');
}

const factsOf = (client: OauthClient, output: Output): [string, string | undefined][] => [
  ['name', client.name],
  ['id', client.clientId],
  ['title', client.title],
  ['kind', client.kind],
  ['proves itself by', client.auth],
  ['acts as', client.principal && formatReference(client.principal)],
  ['redirects to', client.redirectUris.join(', ') || undefined],
  ['scopes', client.scopes.join(', ') || 'none'],
  ['permissions', client.permissions.join(', ') || 'none: its tokens permit nothing'],
  ['device flow', client.deviceFlow ? 'yes' : 'no'],
  ['created', output.time(client.createdAt)],
  ['old secret until', client.previousSecretUntil && output.time(client.previousSecretUntil)],
];

const shownOnce = 'This is the only time the secret is shown: keep it now.';
const texts = (values: readonly string[] | undefined): string[] => (values ?? []).map(String);

export const clientCommands = [
  defineCommand({
    command: 'create <name>',
    describe: 'Register an OAuth client; its secret is shown once',
    options: (parser) =>
      parser
        .positional('name', { type: 'string', demandOption: true, describe: 'Lower-case letters, digits, hyphens' })
        .option('kind', { choices: ['web', 'native', 'spa', 'service'] as const, demandOption: true })
        .option('title', {
          type: 'string',
          requiresArg: true,
          describe: 'What people are shown; the name unless given',
        })
        .option('redirect-uri', { type: 'string', array: true, nargs: 1, describe: 'Compared as it is (repeatable)' })
        .option('permission', { type: 'string', array: true, nargs: 1, describe: 'Action pattern (repeatable)' })
        .option('role', { type: 'string', array: true, nargs: 1, describe: 'Role of a service (repeatable)' })
        .option('offline', { type: 'boolean', default: false, describe: 'May stay signed in: refresh tokens' })
        .option('device', { type: 'boolean', default: false, describe: 'May use the device flow' })
        .option('dpop', { type: 'boolean', default: false, describe: 'Its tokens are bound to a key of its own' })
        .example('$0 clients create wiki --kind web --redirect-uri https://wiki.example/cb', ''),
    run: async (flags, tools) => {
      const { output } = tools;
      const scopes = ['openid', 'email', 'profile', ...(flags.offline ? ['offline_access'] : [])];
      const body = {
        name: flags.name,
        kind: flags.kind,
        title: flags.title ?? flags.name,
        redirectUris: texts(flags['redirect-uri']),
        permissions: texts(flags.permission),
        roles: texts(flags.role),
        deviceFlow: flags.device,
        requireDpop: flags.dpop,
        scopes,
      };
      const headers = { 'idempotency-key': randomUUID() };
      const made = await tools.client().post<OauthClient & { clientSecret?: string }>(path, body, headers);
      // First of all: whatever fails from here on, the secret must not be lost.
      if (output.isJson) output.json(made);
      else output.line(made.clientSecret ?? made.clientId);
      output.note(`${formatFacts(factsOf(made, output))}${made.clientSecret === undefined ? '' : shownOnce}`);
      return undefined;
    },
  }),
  defineCommand({
    command: 'list',
    describe: 'List every OAuth client of the tenant',
    run: async (_flags, { client, output }) => {
      const clients = await allClients(client());
      if (output.isJson) output.json({ clients });
      else
        output.table(
          ['NAME', 'KIND', 'TITLE', 'PERMISSIONS', 'CREATED', 'ID'],
          clients.map((each) => [
            each.name,
            each.kind,
            each.title,
            each.permissions.join(','),
            output.time(each.createdAt),
            each.clientId,
          ]),
        );
      return undefined;
    },
  }),
  defineCommand({
    command: 'show <client>',
    describe: 'Show one OAuth client, by name or id',
    options: (parser) => parser.positional('client', { type: 'string', demandOption: true }),
    run: async ({ client }, tools) => {
      const found = await findClient(tools.client(), client);
      if (tools.output.isJson) tools.output.json(found);
      else tools.output.facts(factsOf(found, tools.output));
      return undefined;
    },
  }),
  defineCommand({
    command: 'rotate-secret <client>',
    describe: 'Give a client another secret, shown once',
    options: (parser) =>
      parser.positional('client', { type: 'string', demandOption: true }).option('overlap', {
        type: 'number',
        default: 0,
        describe: 'Seconds for which the old secret goes on working',
      }),
    run: async ({ client, overlap }, tools) => {
      const { output } = tools;
      const { clientId } = await findClient(tools.client(), client);
      const address = `${path}/${clientId}/rotate-secret`;
      const rotated = await tools
        .client()
        .post<OauthClient & { clientSecret: string }>(address, { overlapSeconds: overlap });
      if (output.isJson) output.json(rotated);
      else output.line(rotated.clientSecret);
      output.note(shownOnce);
      return undefined;
    },
  }),
  defineCommand({
    command: 'remove <client>',
    describe: 'Remove a client and end every token it has',
    options: (parser) => parser.positional('client', { type: 'string', demandOption: true }),
    run: async ({ client }, tools) => {
      const { clientId, name } = await findClient(tools.client(), client);
      await tools.client().delete(`${path}/${clientId}`);
      if (tools.output.isJson) tools.output.json({ clientId, removed: true });
      else tools.output.line(`${name} (${clientId}) is removed`);
      return undefined;
    },
  }),
];
