import type { Area } from '../area.js';

export const satelliteArea: Area = { migrations: [] };
