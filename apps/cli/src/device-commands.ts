import { type LazyCommand, lazyCommand } from './command.js';

/** What is done on one device, called by its name or id: `gatehouse edge-1 status`. */
export const deviceCommands = (device: string): readonly LazyCommand[] => [
  lazyCommand('shell', 'Open a login shell; Enter ~ . ends it when nothing answers any more', async () =>
    (await import('./device/terminal/shell.js')).deviceShell(device),
  ),
  lazyCommand(
    'exec',
    'Run a program: exec [-i] [-t] -- PROGRAM ...; its exit code is the code of this call',
    async () => (await import('./device/terminal/exec.js')).deviceExec(device),
  ),
  lazyCommand(
    'forward [targets..]',
    'Reach ports and sockets of the device, or behind it, from here; until Ctrl-C',
    async () => (await import('./device/forward/forward.js')).deviceForward(device),
  ),
  lazyCommand('docker', 'Run docker here against the device: docker ps -a', async () =>
    (await import('./device/docker/docker.js')).deviceDocker(device),
  ),
  lazyCommand(
    'serial <port> [baud]',
    'Talk to a serial port of the device (8N1); on a terminal Enter ~ . ends it',
    async () => (await import('./device/serial/serial.js')).deviceSerial(device),
  ),
  lazyCommand('logs', 'Show logs of the runtime or of systemd units; -f goes on until Ctrl-C', async () =>
    (await import('./device/observe/logs.js')).deviceLogs(device),
  ),
  lazyCommand(
    ['metrics', 'stats'],
    'Show processor, memory, disks and network; live on a terminal, until Ctrl-C',
    async () => (await import('./device/observe/metrics.js')).deviceMetrics(device),
  ),
  lazyCommand('status', 'Show whether it is there; ends with 0 when it is, with 1 when not', async () =>
    (await import('./device/observe/status.js')).deviceStatus(device),
  ),
  lazyCommand('audit', 'Show what the ledger holds on it, newest first', async () =>
    (await import('./device/observe/audit.js')).deviceAudit(device),
  ),
  lazyCommand('access', 'With whom the device is shared', async () =>
    (await import('./device/access/access.js')).accessCommands(device),
  ),
];
