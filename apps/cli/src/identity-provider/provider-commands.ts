import type { Command } from '../command.js';
import { addProvider, removeProvider } from './change-providers.js';
import { listProviders, showProvider } from './read-providers.js';

export const providerCommands: readonly Command[] = [listProviders, addProvider, showProvider, removeProvider];
