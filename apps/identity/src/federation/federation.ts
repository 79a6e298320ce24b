import type { Issuers } from './issuer/issuers.service.js';
import type { ProviderWriter } from './provider/provider-writer.service.js';
import type { Providers } from './provider/providers.service.js';

/** The parts of this area that its controllers call. */
export interface Federation {
  readonly publicUrl: string;
  readonly providers: Providers;
  readonly writer: ProviderWriter;
  readonly issuers: Issuers;
}

/** Injection token of {@link Federation}. */
export const FEDERATION = Symbol('gatehouse.federation');
