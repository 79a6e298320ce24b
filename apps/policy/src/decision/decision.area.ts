import type { Area } from '../area.js';
import { EvaluationController } from './evaluation.controller.js';
import { MetadataController, PUBLIC_URL } from './metadata.controller.js';
import { serveDecide } from './serve-decide.js';

/** Decisions over HTTP (AuthZEN) and NATS. */
export const decisionArea: Area = {
  compose: ({ platform, settings, decisions }) => {
    platform.bus.whenConnected((nc) => serveDecide(nc, decisions, platform.warn('a decision failed')));
    return {
      controllers: [EvaluationController, MetadataController],
      providers: [{ provide: PUBLIC_URL, useValue: settings.PUBLIC_URL }],
    };
  },
};
