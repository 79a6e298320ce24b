import type { IdpConfigured } from '@gatehouse/contracts';
import { type CommandContext, handle, type PostgresEventStore } from '@gatehouse/event-store';
import { type Authorize, type HttpRequest, type Principal, ProblemError } from '@gatehouse/http';
import type { z } from 'zod';
import { answering } from '../../problems.js';
import { findTenant } from '../../tenancy/tenancy-change.service.js';
import { refusal } from '../federation-refusals.js';
import type { Issuers } from '../issuer/issuers.service.js';
import { configureProvider, removeProvider, rolesGiven } from './change-provider.js';
import { providerDecider, providerStream } from './provider.js';
import type { providerSettings } from './provider-body.js';
import { maxProviders, type Providers } from './providers.service.js';

/** Undefined keeps the stored secret, null takes it away. */
type SecretChange = string | null | undefined;

export interface ProviderChange {
  readonly idpId: string;
  readonly issuer: string;
  readonly given: z.output<typeof providerSettings>;
  readonly secret: SecretChange;
  readonly context: CommandContext;
  readonly commandId?: string | undefined;
  readonly expectedRevision?: number | undefined;
}

/** Stores and removes providers; asks the issuer before anything is stored. */
export class ProviderWriter {
  constructor(
    private readonly store: PostgresEventStore,
    private readonly providers: Providers,
    private readonly issuers: Issuers,
  ) {}

  /** Stores how a provider is from now on, and its secret. Answers the id: an earlier one for a repeated command. */
  async configure(change: ProviderChange): Promise<string> {
    const { idpId, issuer, given, secret, context, commandId, expectedRevision } = change;
    const { tenantId } = context;
    return answering(async () => {
      if (!this.issuers.mayBeIssuer(issuer)) throw refusal('idp_issuer_refused');
      // An identity token has the client for its audience: it says who somebody is, and is no credential.
      if (given.acceptTokens?.audience === given.clientId) throw refusal('idp_audience_refused');
      const known = secret === undefined ? await this.providers.secretOf(tenantId, idpId) : (secret ?? undefined);
      const found = await this.issuers.discover({ issuer, clientId: given.clientId, secret: known });
      const config = toConfig(idpId, issuer, given, found.serverMetadata().jwks_uri);
      // COMMIT POINT of a provider: event, row and secret, or nothing. Discovery came before and stored nothing.
      return this.store.together(tenantId, async (log, client) => {
        const result = await handle(log, providerDecider, {
          streamId: providerStream(idpId),
          context,
          ...(commandId !== undefined && { commandId }),
          ...(expectedRevision !== undefined && { expectedRevision }),
          decide: (state) => configureProvider(config, state),
        });
        if (result.duplicate) return (result.events[0]?.data as IdpConfigured | undefined)?.idpId ?? idpId;
        if ((await findTenant(client, tenantId))?.kind === 'personal') throw refusal('idp_needs_organization');
        await this.checkCount(client);
        if (typeof secret === 'string') await this.providers.keepSecret(client, tenantId, idpId, secret);
        if (secret === null) await this.providers.forgetSecret(client, tenantId, idpId);
        return idpId;
      });
    });
  }

  async remove(idpId: string, context: CommandContext, expectedRevision: number | undefined): Promise<void> {
    await answering(() =>
      // COMMIT POINT of the end of a provider: nobody signs in by it from here on, and its secret is gone.
      this.store.together(context.tenantId, async (log, client) => {
        await handle(log, providerDecider, {
          streamId: providerStream(idpId),
          context,
          ...(expectedRevision !== undefined && { expectedRevision }),
          decide: (state) => removeProvider(idpId, state),
        });
        await this.providers.forgetSecret(client, context.tenantId, idpId);
      }),
    );
  }

  private async checkCount(client: { query: (text: string) => Promise<{ rows: unknown[] }> }): Promise<void> {
    const { rows } = await client.query(`select 1 from idps limit ${maxProviders + 1}`);
    if (rows.length > maxProviders) throw refusal('idp_too_many');
  }
}

/**
 * Nobody has roles given that he may not grant himself, and nobody has owners made: a directory of somebody else would
 * then own the tenant.
 */
export async function checkRoles(
  given: z.output<typeof providerSettings>,
  caller: Principal,
  request: HttpRequest,
  authorize: Authorize,
): Promise<void> {
  for (const role of rolesGiven(given)) {
    if (role === 'owner') throw new ProblemError('idp_role_refused', 'No provider makes owners');
    const { allowed } = await authorize(caller, 'role.grant', `role/${role}`, request);
    if (!allowed) throw new ProblemError('idp_role_refused', `The caller may not grant the role ${role}`);
  }
}

function toConfig(
  idpId: string,
  issuer: string,
  given: z.output<typeof providerSettings>,
  jwksUri: string | undefined,
): IdpConfigured {
  const { defaultRole, groupsClaim, acceptTokens, domains, ...rest } = given;
  return {
    idpId,
    issuer,
    ...rest,
    domains: [...new Set(domains)].sort(),
    ...(jwksUri !== undefined && { jwksUri }),
    ...(defaultRole !== undefined && { defaultRole }),
    ...(groupsClaim !== undefined && { groupsClaim }),
    ...(acceptTokens !== undefined && { acceptTokens }),
  };
}
