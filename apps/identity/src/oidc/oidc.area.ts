import type { Area } from '../area.js';

export const oidcArea: Area = { migrations: [] };
