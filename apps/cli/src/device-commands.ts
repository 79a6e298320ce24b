import type { Command } from './command.js';
import { accessCommands } from './device/access/access.js';
import { deviceDocker } from './device/docker/docker.js';
import { deviceForward } from './device/forward/forward.js';
import { deviceAudit } from './device/observe/audit.js';
import { deviceLogs } from './device/observe/logs.js';
import { deviceMetrics } from './device/observe/metrics.js';
import { deviceStatus } from './device/observe/status.js';
import { deviceSerial } from './device/serial/serial.js';
import { deviceExec } from './device/terminal/exec.js';
import { deviceShell } from './device/terminal/shell.js';

/** What is done on one device, called by its name or id: `gatehouse edge-1 status`. */
export const deviceCommands = (device: string): readonly Command[] => [
  ...[deviceShell, deviceExec, deviceForward, deviceDocker, deviceSerial].map((command) => command(device)),
  ...[deviceLogs, deviceMetrics, deviceStatus, deviceAudit, accessCommands].map((command) => command(device)),
];
