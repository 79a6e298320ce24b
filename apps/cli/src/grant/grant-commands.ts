import type { Command } from '../command.js';
import { createGrant, listGrants, revokeGrant } from './grants.js';

export const grantCommands: readonly Command[] = [createGrant, listGrants, revokeGrant];
