import type { Area } from '../area.js';
import { SearchController } from './search.controller.js';
import { Searches } from './search.service.js';

/** Who may, what may he: search over AuthZEN. */
export const searchArea: Area = {
  compose: ({ platform, facts, policies }) => ({
    controllers: [SearchController],
    providers: [{ provide: Searches, useValue: new Searches({ facts, policies, pepper: platform.pepper }) }],
  }),
};
