import type { Area } from '../area.js';

export const accountArea: Area = { migrations: [] };
