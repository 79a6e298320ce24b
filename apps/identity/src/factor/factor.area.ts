import type { Area } from '../area.js';

export const factorArea: Area = { migrations: [] };
