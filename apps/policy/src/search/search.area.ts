import type { Area } from '../area.js';

/** Who may, what may he: search over AuthZEN. */
export const searchArea: Area = {};
