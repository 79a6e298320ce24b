import type { Area } from '../area.js';
import { Simulating } from './simulating.service.js';
import { SimulationController } from './simulation.controller.js';
import { simulationSources } from './simulation-sources.js';
import { Simulations } from './simulations.js';

/** Recorded decisions again under another policy, and what nobody used. */
export const simulationArea: Area = {
  compose: (context) => {
    const { platform, policies } = context;
    const simulations = new Simulations(platform.warn('a simulation failed'));
    const sources = simulationSources(context);
    const simulating = new Simulating({ sources, simulations, policies, pepper: platform.pepper });
    return {
      controllers: [SimulationController],
      providers: [{ provide: Simulating, useValue: simulating }],
      stop: () => simulations.stop(),
    };
  },
};
