import type { Area } from '../area.js';

export const privacyArea: Area = { migrations: [] };
