import type { Client } from '../client.js';
import { exitCodes, Failure } from '../failure.js';
import type { Output } from '../output/output.js';

/** An identity provider as identity shows it. */
export interface IdentityProvider {
  readonly idpId: string;
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly hasSecret: boolean;
  readonly redirectUri: string;
  readonly domains: readonly string[];
  readonly requireApproval: boolean;
  readonly defaultRole?: string;
  readonly groupsClaim?: string;
  readonly groupRoles: Readonly<Record<string, string>>;
  readonly endMembership: boolean;
  readonly acceptTokens?: { readonly audience: string };
  readonly createdAt: string;
}

export const providersPath = '/api/v1/identity/identity-providers';
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** All of them: a tenant has 50 at most, which is one page. */
export const allProviders = async (client: Client): Promise<readonly IdentityProvider[]> =>
  (await client.get<{ identityProviders: IdentityProvider[] }>(providersPath)).identityProviders;

export async function findProvider(client: Client, nameOrId: string): Promise<IdentityProvider> {
  if (uuid.test(nameOrId)) return client.get<IdentityProvider>(`${providersPath}/${nameOrId.toLowerCase()}`);
  const found = (await allProviders(client)).find(({ name }) => name === nameOrId);
  if (found) return found;
  const message = `there is no identity provider "${nameOrId}"`;
  throw new Failure(exitCodes.negative, message, 'gatehouse idp list shows them all');
}

export function providerFacts(provider: IdentityProvider, output: Output): [string, string | undefined][] {
  const groups = Object.entries(provider.groupRoles).map(([group, role]) => `${group}=${role}`);
  return [
    ['name', provider.name],
    ['id', provider.idpId],
    ['issuer', provider.issuer],
    ['client', provider.clientId],
    ['secret', provider.hasSecret ? 'stored' : 'none: a public client'],
    ['redirect to', provider.redirectUri],
    ['domains', provider.domains.join(', ') || 'any'],
    ['approval', provider.requireApproval ? 'somebody says yes first' : 'none'],
    ['default role', provider.defaultRole ?? 'none: groups decide'],
    ['groups claim', provider.groupsClaim],
    ['groups', groups.join(', ') || 'none'],
    ['membership', provider.endMembership ? 'ends with the last group' : 'stays without groups'],
    ['API tokens for', provider.acceptTokens?.audience],
    ['created', output.time(provider.createdAt)],
  ];
}
