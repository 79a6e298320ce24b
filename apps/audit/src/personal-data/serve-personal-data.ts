import { serve } from '@gatehouse/bus';
import { personalData } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type { NatsConnection } from '@nats-io/transport-node';
import { findEntries } from './find-entries.service.js';

/** A person's export reads page by page; a few at a time are enough, and leave the database to the ledger. */
const maxInFlight = 4;

/** `rpc.audit.personal_data`: what the ledger holds on a person. NATS lets identity alone publish there. */
export const servePersonalData = (nc: NatsConnection, system: Query, onError: (error: Error) => void) =>
  serve(nc, personalData('audit'), (question) => findEntries(system, question), { maxInFlight, onError });
