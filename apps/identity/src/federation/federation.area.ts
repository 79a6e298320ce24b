import type { ForeignReach } from '@gatehouse/authn';
import { asTenant } from '@gatehouse/event-store';
import type { Area, AreaContext, PersonalData } from '../area.js';
import { FederationRequestsController } from './approval/requests.controller.js';
import { requestsProjection } from './approval/requests.projection.js';
import { FederationRequests } from './approval/requests.service.js';
import { FederatedSignIn1700000000051 } from './federated-sign-in.migration.js';
import { FEDERATION, type Federation } from './federation.js';
import { IdentityProviders1700000000050 } from './federation.migration.js';
import { CodeExchange } from './issuer/code-exchange.service.js';
import { Issuers } from './issuer/issuers.service.js';
import { KnownIssuers1700000000052 } from './known-issuers.migration.js';
import { LinksController } from './link/links.controller.js';
import { linksProjection } from './link/links.projection.js';
import { Links } from './link/links.service.js';
import { federatedMembersProjection, federationActor } from './member/federated-members.projection.js';
import { ProviderWriter } from './provider/provider-writer.service.js';
import { ProvidersController } from './provider/providers.controller.js';
import { providersProjection } from './provider/providers.projection.js';
import { Providers } from './provider/providers.service.js';
import { Establish } from './sign-in/establish.service.js';
import { FederatedSignIns, type FederatedSignInsOptions } from './sign-in/federated-sign-ins.service.js';
import { FederatedSignInController } from './sign-in/sign-in.controller.js';
import { SignInRows } from './sign-in/sign-in-rows.service.js';

export const federationArea: Area = {
  migrations: [IdentityProviders1700000000050, FederatedSignIn1700000000051, KnownIssuers1700000000052],
  inline: () => [providersProjection, linksProjection, requestsProjection, federatedMembersProjection],
  compose: (context) => {
    const rows = new SignInRows(context.platform.database.system, context.pepper);
    const federation = federationOf(context, rows);
    return {
      controllers: [ProvidersController, FederatedSignInController, FederationRequestsController, LinksController],
      providers: [{ provide: FEDERATION, useValue: federation }],
      personalData: [linksOf(federation, rows)],
    };
  },
};

function federationOf(context: AreaContext, rows: SignInRows): Federation {
  const { platform, settings, store, root, subjectKeys } = context;
  const { system } = platform.database;
  const providers = new Providers(system, root);
  const issuers = new Issuers(providers, reachOf(settings), settings.PUBLIC_URL);
  const shared = {
    providers,
    links: new Links(system, store),
    requests: new FederationRequests(system, store, subjectKeys),
    vouches: vouchesBy(settings),
  };
  const exchange = new CodeExchange(issuers, settings.PUBLIC_URL);
  const establish = new Establish(store, subjectKeys);
  return {
    ...shared,
    publicUrl: settings.PUBLIC_URL,
    writer: new ProviderWriter(store, providers, issuers),
    signIns: new FederatedSignIns({
      ...context,
      ...shared,
      ...telling(context),
      pool: system,
      rows,
      exchange,
      establish,
    }),
  };
}

/** How letters leave, and where refusals are told: with a reason, and with nothing about the person. */
const telling = ({ platform, mailbox }: AreaContext): Pick<FederatedSignInsOptions, 'enqueue' | 'onRefused'> => ({
  enqueue: (mail) => asTenant(platform.database.request, mail.tenantId, (client) => mailbox.enqueue(client, mail)),
  onRefused: (reason, { tenantId, config: { idpId } }, cause) => {
    const { code, message } = (cause ?? {}) as { code?: unknown; message?: unknown };
    platform.logger.info({ reason, tenantId, idpId, code, problem: message }, 'a federated sign-in was refused');
  },
});

/** The operator's own directories, and those the operator named: an address they verified is verified here. */
const vouchesBy =
  ({
    OPERATOR_TENANT: operator,
    FEDERATION_TRUSTED_ISSUERS: trusted,
  }: AreaContext['settings']): Federation['vouches'] =>
  ({ tenantId, config }) =>
    tenantId === operator || trusted.includes(config.issuer);

const linksOf = ({ links }: Federation, rows: SignInRows): PersonalData => ({
  kind: 'identity_links',
  read: async (userId) =>
    (await links.ofUser(userId)).map(({ tenantId, idpId, linkedAt }) => ({ tenantId, idpId, linkedAt })),
  erase: async (userId) => {
    const removed = await links.remove(await links.ofUser(userId), federationActor);
    return removed + (await rows.forgetUser(userId));
  },
});

function reachOf(settings: AreaContext['settings']): ForeignReach {
  if (settings.ISSUERS_ON_LOOPBACK && process.env.NODE_ENV === 'production')
    throw new Error('ISSUERS_ON_LOOPBACK is for development: NODE_ENV is production');
  return { privateNetworks: settings.ISSUERS_ON_PRIVATE_NETWORKS, loopback: settings.ISSUERS_ON_LOOPBACK };
}
