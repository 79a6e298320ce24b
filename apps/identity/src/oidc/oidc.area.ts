import type { Area, AreaContext } from '../area.js';
import { ChangeClientController } from './client/change-client.controller.js';
import { ClientController } from './client/client.controller.js';
import { clientRowsProjection } from './client/client-rows.projection.js';
import { Clients } from './client/clients.service.js';
import './client/problems.js';
import { Attempts } from './device/attempts.service.js';
import { DeviceApprovalController } from './device/device-approval.controller.js';
import { DeviceApprovals } from './device/device-approvals.service.js';
import { DevicePolls } from './device/device-polls.service.js';
import { TokenExchange } from './exchange/token-exchange.service.js';
import { GrantEnds } from './grant/grant-ends.service.js';
import { Grants } from './grant/grants.service.js';
import { PersonAtPage } from './grant/person-at-page.service.js';
import { grantData } from './grant/personal-data.service.js';
import { SignIns } from './grant/sign-ins.service.js';
import { InteractionController } from './interaction/interaction.controller.js';
import { Interactions } from './interaction/interactions.service.js';
import './interaction/problems.js';
import { TokenState } from './introspection/token-state.service.js';
import { OidcController } from './oidc.controller.js';
import { Accounts } from './provider/accounts.service.js';
import { ClientAdapter } from './provider/client-adapter.service.js';
import { OidcPort } from './provider/oidc-port.service.js';
import { OwnAnswers } from './provider/own-answers.service.js';
import { Providers } from './provider/providers.service.js';
import { RecordAdapter } from './provider/record-adapter.service.js';
import { TokenClaims } from './provider/token-claims.service.js';
import { OidcRecords1700000000040 } from './record/oidc-record.migration.js';
import { Records } from './record/records.service.js';
import { UserinfoController } from './userinfo.controller.js';

export const oidcArea: Area = {
  migrations: [OidcRecords1700000000040],
  inline: () => [clientRowsProjection],
  compose: (context) => {
    const parts = compose(context);
    const { clients, grants, port, interactions, approvals, ends, records } = parts;
    return {
      controllers: [
        OidcController,
        InteractionController,
        DeviceApprovalController,
        UserinfoController,
        ClientController,
        ChangeClientController,
      ],
      providers: [
        { provide: Clients, useValue: clients },
        { provide: Grants, useValue: grants },
        { provide: OidcPort, useValue: port },
        { provide: Interactions, useValue: interactions },
        { provide: DeviceApprovals, useValue: approvals },
      ],
      personalData: [grantData(records, grants)],
      start: () => ends.start(),
      stop: () => ends.stop(),
    };
  },
};

function compose(context: AreaContext) {
  const { platform, settings, store, pepper, people, memberships, signingKeys } = context;
  const { request, system } = platform.database;
  const issuer = publicIssuer(settings.PUBLIC_URL);
  const records = new Records(system, pepper);
  const grants = new Grants(records, store);
  const clients = new Clients(system, request);
  const signIns = new SignIns(store, people);
  const person = new PersonAtPage(signIns, memberships);
  const attempts = new Attempts(system, pepper);
  const tokens = new TokenState({ issuer, signingKeys, clients, grants, signIns, memberships });
  const polls = new DevicePolls(records);
  const providers = new Providers({
    issuer,
    signingKeys,
    pepper,
    seconds: {
      access: settings.OIDC_ACCESS_TOKEN_SECONDS,
      refresh: settings.OIDC_REFRESH_TOKEN_SECONDS,
      grant: settings.OIDC_GRANT_SECONDS,
      device: settings.OIDC_DEVICE_CODE_SECONDS,
    },
    adapter: (model) =>
      model === 'Client' ? new ClientAdapter(clients) : new RecordAdapter(model, { records, grants, polls }),
    accounts: new Accounts({ people, signIns, memberships, records }),
    claims: new TokenClaims({ grants, people, memberships }),
    exchange: new TokenExchange({ issuer, signingKeys, tokens, store }),
    ownAnswers: new OwnAnswers(tokens, grants),
    onError: platform.warn('the OpenID provider failed'),
  });
  const port = new OidcPort({ issuer, signingKeys, providers, attempts });
  return {
    clients,
    grants,
    records,
    port,
    interactions: new Interactions({ port, records, person }),
    approvals: new DeviceApprovals({ port, records, attempts, person, store }),
    ends: new GrantEnds(platform, grants, records),
  };
}

const loopbacks: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** @throws Error for an address at which codes and tokens would travel in clear */
function publicIssuer(text: string): string {
  const { protocol, hostname, pathname, search, hash } = new URL(text);
  if (protocol !== 'https:' && !loopbacks.has(hostname)) throw new Error('PUBLIC_URL must begin with https://');
  if (pathname !== '/' || search !== '' || hash !== '') throw new Error('PUBLIC_URL is an address without a path');
  return text;
}
