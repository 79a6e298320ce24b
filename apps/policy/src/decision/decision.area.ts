import type { Area } from '../area.js';
import { EvaluationController } from './evaluation.controller.js';
import { serveDecide } from './serve-decide.js';

/** Decisions over HTTP (AuthZEN) and NATS. */
export const decisionArea: Area = {
  compose: ({ platform, decisions }) => {
    platform.bus.whenConnected((nc) => serveDecide(nc, decisions, platform.warn('a decision failed')));
    return { controllers: [EvaluationController] };
  },
};
