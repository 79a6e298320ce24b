import type { Command } from '../../command.js';
import { playSession } from './play.js';
import { endDeviceSession, listDeviceSessions, showDeviceSession } from './sessions.js';

export const sessionCommands: readonly Command[] = [
  ...[listDeviceSessions, showDeviceSession, playSession, endDeviceSession],
];
