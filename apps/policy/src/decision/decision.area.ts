import type { Area } from '../area.js';
import { RateBuckets1700000000107 } from '../migrations/7-rate-buckets.js';
import { EvaluationRoutes } from './evaluation.routes.js';
import type { PastMoments } from './outcome.js';
import { serveDecide } from './serve-decide.js';
import { PAST_MOMENTS } from './tokens.js';

/** Decisions over HTTP (AuthZEN) and NATS. */
export const decisionArea: Area = {
  migrations: [RateBuckets1700000000107],
  compose: ({ platform, past, decisions }) => {
    platform.bus.whenConnected((nc) => serveDecide(nc, decisions, platform.warn('a decision failed')));
    const moments: PastMoments = async (tenantId, asOf) => ({ ...(await past.at(tenantId, asOf)), asOf });
    return { providers: [EvaluationRoutes, { provide: PAST_MOMENTS, useValue: moments }] };
  },
};
