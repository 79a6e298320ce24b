import type { Area } from '../area.js';
import { GrantHistoryController } from './grant-history/grant-history.controller.js';
import { LogPositionController } from './log-position.controller.js';

/** The past: facts as they were, recorded decisions again under another policy, grants nobody used. */
export const historyArea: Area = {
  compose: () => ({ controllers: [GrantHistoryController, LogPositionController] }),
};
