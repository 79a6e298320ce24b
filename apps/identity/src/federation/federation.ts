import type { FederationRequests } from './approval/requests.service.js';
import type { Links } from './link/links.service.js';
import type { ProviderWriter } from './provider/provider-writer.service.js';
import type { Providers, StoredProvider } from './provider/providers.service.js';
import type { FederatedSignIns } from './sign-in/federated-sign-ins.service.js';

/** The parts of this area that its controllers call. */
export interface Federation {
  readonly publicUrl: string;
  readonly providers: Providers;
  readonly writer: ProviderWriter;
  readonly links: Links;
  readonly requests: FederationRequests;
  readonly signIns: FederatedSignIns;
  /** Whether an issuer's word on an address counts outside of the tenant that configured it. */
  readonly vouches: (provider: StoredProvider) => boolean;
}

/** Injection token of {@link Federation}. */
export const FEDERATION = Symbol('gatehouse.federation');
