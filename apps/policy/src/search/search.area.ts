import type { Area } from '../area.js';
import type { PastMoments } from '../decision/outcome.js';
import { PAST_MOMENTS } from '../decision/tokens.js';
import { Origins } from './origins.service.js';
import { SearchController } from './search.controller.js';
import { Searches } from './search.service.js';

/** Who may, what may he: search over AuthZEN. */
export const searchArea: Area = {
  compose: ({ platform, facts, decisions }) => ({
    controllers: [SearchController],
    providers: [
      {
        provide: Searches,
        useFactory: (past: PastMoments) =>
          new Searches({
            facts,
            decisions,
            past,
            origins: new Origins(platform.database),
            pepper: platform.pepper,
            now: Date.now,
          }),
        inject: [PAST_MOMENTS],
      },
    ],
  }),
};
