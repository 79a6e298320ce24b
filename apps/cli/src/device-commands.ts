import type { Command } from './command.js';
import { accessCommands } from './device/access/access.js';
import { deviceAudit } from './device/observe/audit.js';
import { deviceStatus } from './device/observe/status.js';

/** What is done on one device, called by its name or id: `gatehouse edge-1 status`. */
export const deviceCommands = (device: string): readonly Command[] => [
  deviceStatus(device),
  deviceAudit(device),
  accessCommands(device),
];
