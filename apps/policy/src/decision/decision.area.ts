import { ProblemError } from '@gatehouse/http';
import type { Area } from '../area.js';
import { RateBuckets1700000000107 } from '../migrations/7-rate-buckets.js';
import { EvaluationController, type PastMoments } from './evaluation.controller.js';
import { serveDecide } from './serve-decide.js';
import { PAST_MOMENTS } from './tokens.js';

/** Decisions over HTTP (AuthZEN) and NATS. */
export const decisionArea: Area = {
  migrations: [RateBuckets1700000000107],
  compose: ({ platform, decisions }) => {
    platform.bus.whenConnected((nc) => serveDecide(nc, decisions, platform.warn('a decision failed')));
    const past: PastMoments = () => {
      throw new ProblemError('unavailable', 'questions about the past cannot be answered yet');
    };
    return { controllers: [EvaluationController], providers: [{ provide: PAST_MOMENTS, useValue: past }] };
  },
};
