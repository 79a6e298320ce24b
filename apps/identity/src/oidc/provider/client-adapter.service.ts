import type { Adapter, AdapterPayload } from 'oidc-provider';
import { clientMetadata } from '../client/client-metadata.js';
import type { Clients } from '../client/clients.service.js';
import { orUnavailable } from './unavailable.js';

const never = async (): Promise<never> => {
  throw new Error('clients are registered through the API, and only there');
};

/** Registered clients, read where they are event-sourced: one that was removed is gone with the next request. */
export class ClientAdapter implements Adapter {
  readonly #clients: Clients;

  constructor(clients: Clients) {
    this.#clients = clients;
  }

  find(clientId: string): Promise<AdapterPayload | undefined> {
    return orUnavailable(async () => {
      const client = await this.#clients.byId(clientId);
      return client && (clientMetadata(client) as AdapterPayload);
    });
  }

  readonly upsert = never;
  readonly findByUid = never;
  readonly findByUserCode = never;
  readonly consume = never;
  readonly destroy = never;
  readonly revokeByGrantId = never;
}
