import { serve } from '@gatehouse/bus';
import { personalData } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type { NatsConnection } from '@nats-io/transport-node';
import { findGrants } from './find-grants.service.js';

/** A person's export reads page by page; a few at a time are enough. */
const maxInFlight = 4;

/** `rpc.policy.personal_data`: what policy holds on a person. NATS lets identity alone publish there. */
export const servePersonalData = (nc: NatsConnection, system: Query, onError: (error: Error) => void) =>
  serve(nc, personalData('policy'), (question) => findGrants(system, question), { maxInFlight, onError });
