import type { ForeignReach } from '@gatehouse/authn';
import type { Area, AreaContext } from '../area.js';
import { FEDERATION, type Federation } from './federation.js';
import { IdentityProviders1700000000050 } from './federation.migration.js';
import { Issuers } from './issuer/issuers.service.js';
import { ProviderWriter } from './provider/provider-writer.service.js';
import { ProvidersController } from './provider/providers.controller.js';
import { providersProjection } from './provider/providers.projection.js';
import { Providers } from './provider/providers.service.js';

export const federationArea: Area = {
  migrations: [IdentityProviders1700000000050],
  inline: () => [providersProjection],
  compose: (context) => ({
    controllers: [ProvidersController],
    providers: [{ provide: FEDERATION, useValue: federationOf(context) }],
  }),
};

function federationOf({ platform, settings, store, root }: AreaContext): Federation {
  const providers = new Providers(platform.database.system, root);
  const issuers = new Issuers(providers, reachOf(settings));
  return {
    publicUrl: settings.PUBLIC_URL,
    providers,
    issuers,
    writer: new ProviderWriter(store, providers, issuers),
  };
}

function reachOf(settings: AreaContext['settings']): ForeignReach {
  if (settings.ISSUERS_ON_LOOPBACK && process.env.NODE_ENV === 'production')
    throw new Error('ISSUERS_ON_LOOPBACK is for development: NODE_ENV is production');
  return { privateNetworks: settings.ISSUERS_ON_PRIVATE_NETWORKS, loopback: settings.ISSUERS_ON_LOOPBACK };
}
