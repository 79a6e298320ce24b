import type { Command } from '../command.js';
import { erasePerson } from './erase-person.js';
import { exportPerson } from './export-person.js';
import { retention } from './retention.js';

export const privacyCommands: readonly Command[] = [exportPerson, erasePerson, retention];
