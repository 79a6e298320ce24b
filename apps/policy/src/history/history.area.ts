import type { Area } from '../area.js';

/** The past: facts as they were, recorded decisions again under another policy, grants nobody used. */
export const historyArea: Area = {};
