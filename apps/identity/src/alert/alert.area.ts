import type { Area } from '../area.js';

export const alertArea: Area = { migrations: [] };
