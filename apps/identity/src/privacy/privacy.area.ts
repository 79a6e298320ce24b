import type { Area } from '../area.js';
import { ErasedSubjects1700000000090, Privacy1700000000091 } from './privacy.migration.js';

export const privacyArea: Area = { migrations: [ErasedSubjects1700000000090, Privacy1700000000091] };
