import type { Area } from '../area.js';

export const federationArea: Area = { migrations: [] };
