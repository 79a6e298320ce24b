import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineCommand } from '../command.js';
import { usageFailure } from '../failure.js';
import { findProvider, type IdentityProvider, providerFacts, providersPath } from './providers.js';

/** @example groupRolesOf(['devs=developer']) // { devs: 'developer' } */
export function groupRolesOf(texts: readonly string[]): Record<string, string> {
  const pairs = texts.map((text): [string, string] => {
    // The last sign: a group may have one in its name, a role has none.
    const at = text.lastIndexOf('=');
    if (at < 1 || at === text.length - 1) throw usageFailure(`--group "${text}" is not <group>=<role>`);
    return [text.slice(0, at), text.slice(at + 1)];
  });
  return Object.fromEntries(pairs);
}

/** From a file: what is on a command line stands in the history of the shell and in the list of processes. */
function secretIn(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    throw usageFailure(`--client-secret-file "${path}" cannot be read`);
  }
}

export const addProvider = defineCommand({
  command: 'add <name>',
  describe: 'Let people of another OpenID provider sign in to the tenant',
  options: (parser) =>
    parser
      .positional('name', { type: 'string', demandOption: true, describe: 'Lower-case letters, digits, hyphens' })
      .option('issuer', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'Its address, to the letter',
      })
      .option('client-id', { type: 'string', demandOption: true, requiresArg: true, describe: 'Our name there' })
      .option('client-secret-file', { type: 'string', requiresArg: true, describe: 'File with our secret there' })
      .option('domain', { type: 'string', array: true, nargs: 1, describe: 'Allowed mail domain (repeatable)' })
      .option('default-role', {
        type: 'string',
        requiresArg: true,
        describe: 'Role of whoever has no group that means one',
      })
      .option('groups-claim', { type: 'string', requiresArg: true, describe: 'groups, or a path: realm_access.roles' })
      .option('group', { type: 'string', array: true, nargs: 1, describe: '<group>=<role> (repeatable)' })
      .option('approval', { type: 'boolean', default: false, describe: 'New people wait for a yes' })
      .option('end-membership', { type: 'boolean', default: false, describe: 'Without a group, nobody stays a member' })
      .option('accept-tokens', { type: 'string', requiresArg: true, describe: 'Audience of API tokens to accept' })
      .example('$0 idp add corporate --issuer https://id.example.org --client-id gatehouse --default-role user', ''),
  run: async (flags, tools) => {
    const { output, world } = tools;
    const secretFile = flags['client-secret-file'];
    const body = {
      name: flags.name,
      issuer: flags.issuer,
      clientId: flags['client-id'],
      ...(secretFile !== undefined && { clientSecret: secretIn(resolve(world.cwd, secretFile)) }),
      domains: (flags.domain ?? []).map(String),
      ...(flags['default-role'] !== undefined && { defaultRole: flags['default-role'] }),
      ...(flags['groups-claim'] !== undefined && { groupsClaim: flags['groups-claim'] }),
      groupRoles: groupRolesOf((flags.group ?? []).map(String)),
      requireApproval: flags.approval,
      endMembership: flags['end-membership'],
      ...(flags['accept-tokens'] !== undefined && { acceptTokens: { audience: flags['accept-tokens'] } }),
    };
    const headers = { 'idempotency-key': randomUUID() };
    const made = await tools.client().post<IdentityProvider>(providersPath, body, headers);
    if (output.isJson) output.json(made);
    else output.facts(providerFacts(made, output));
    output.note(`Register ${made.redirectUri} at the provider: it sends people back to there.`);
    return undefined;
  },
});

export const removeProvider = defineCommand({
  command: 'remove <idp>',
  describe: 'End an identity provider, by name or id: nobody signs in by it any more',
  options: (parser) => parser.positional('idp', { type: 'string', demandOption: true }),
  run: async ({ idp }, tools) => {
    const client = tools.client();
    const { idpId, name } = await findProvider(client, idp);
    await client.delete(`${providersPath}/${idpId}`);
    if (tools.output.isJson) tools.output.json({ idpId });
    else tools.output.line(`${name} (${idpId}) is removed`);
    return undefined;
  },
});
