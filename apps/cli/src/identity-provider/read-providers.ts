import { defineCommand } from '../command.js';
import { allProviders, findProvider, providerFacts } from './providers.js';

export const listProviders = defineCommand({
  command: 'list',
  describe: 'List the identity providers of the tenant',
  run: async (_flags, tools) => {
    const { output } = tools;
    const identityProviders = await allProviders(tools.client());
    if (output.isJson) output.json({ identityProviders });
    else
      output.table(
        ['NAME', 'ISSUER', 'CLIENT', 'DOMAINS', 'API TOKENS', 'ID'],
        identityProviders.map(({ name, issuer, clientId, domains, acceptTokens, idpId }) => [
          ...[name, issuer, clientId, domains.join(',') || 'any', acceptTokens?.audience ?? 'no', idpId],
        ]),
      );
    return undefined;
  },
});

export const showProvider = defineCommand({
  command: 'show <idp>',
  describe: 'Show one identity provider, by name or id',
  options: (parser) => parser.positional('idp', { type: 'string', demandOption: true }),
  run: async ({ idp }, tools) => {
    const found = await findProvider(tools.client(), idp);
    if (tools.output.isJson) tools.output.json(found);
    else tools.output.facts(providerFacts(found, tools.output));
    return undefined;
  },
});
