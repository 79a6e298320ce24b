import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, openSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Argv } from 'yargs';
import { type Command, defineCommand, type GlobalFlags, type Tools } from '../command.js';
import { exitCodes, Failure, usageFailure } from '../failure.js';
import { untilSignal } from '../process-signals.js';
import { pause } from '../reference.js';
import { forgetDeviceKey } from '../settings/credentials.js';
import { writePrivateFile } from '../settings/private-file.js';
import { askCommand, askTerminal } from './approve.js';
import { dataFolder, enabledFolder } from './data-folder.js';
import { DeviceFiles } from './registration/device-files.js';
import { isLocked } from './service/instance-lock.js';
import { isInstalled, requireAccount, requireSystemd, systemctl } from './service/systemd.js';
import { unitFolder, unitName, unitText } from './service/unit.js';
import { readStatus } from './status.js';

const ownerOptions = (parser: Argv<GlobalFlags>) =>
  parser
    .option('email', { type: 'string', requiresArg: true, describe: 'The device is of this person' })
    .option('org-id', { type: 'string', requiresArg: true, describe: 'The device is of this organization' })
    .option('approve', {
      type: 'boolean',
      default: false,
      describe: 'Ask on this terminal about sessions that are to be approved at the device',
    })
    .option('approve-command', { type: 'string', requiresArg: true, describe: 'Ask a command: 0 is a yes' })
    .conflicts('email', 'org-id')
    .conflicts('approve', 'approve-command');
interface OwnerFlags {
  readonly email?: string | undefined;
  readonly 'org-id'?: string | undefined;
  readonly approve?: boolean | undefined;
  readonly 'approve-command'?: string | undefined;
}

/** In the background there is no terminal to ask on. @throws Failure */
function requireNoTerminal({ approve }: OwnerFlags): void {
  if (approve)
    throw usageFailure(
      '--approve asks on the terminal of gatehouse runtime run',
      'In the background --approve-command asks a command',
    );
}

const runtimeRun = defineCommand({
  command: 'run',
  describe: 'Serve sessions of this device, here and until it is stopped; registers it first',
  options: ownerOptions,
  run: async (flags, tools) => {
    const { signal, end } = untilSignal();
    const settings = tools.settings();
    if (settings.trustInvalidCertificate) tools.client();
    const command = flags['approve-command'];
    const approve = flags.approve
      ? askTerminal(tools.world)
      : command
        ? askCommand(command, tools.world.env)
        : undefined;
    // The other commands need nothing of it.
    const { runRuntime } = await import('./run-runtime.js');
    try {
      await runRuntime({ world: tools.world, settings, owner: flags, approve, signal });
    } finally {
      end();
    }
    return undefined;
  },
});

const runtimeStart = defineCommand({
  command: 'start',
  describe: 'Start the runtime in the background: through systemd where its unit is installed',
  options: ownerOptions,
  run: (flags, tools) => start(flags, tools),
});

const runtimeStop = defineCommand({
  command: 'stop',
  describe: 'Stop the runtime; its sessions end',
  run: (_flags, tools) => stop(tools),
});

const runtimeRestart = defineCommand({
  command: 'restart',
  describe: 'Stop the runtime and start it again',
  options: ownerOptions,
  run: async (flags, tools) => {
    if (isLocked(dataFolder(tools.world)) || isInstalled()) await stop(tools);
    return start(flags, tools);
  },
});

async function start(flags: OwnerFlags, tools: Tools): Promise<undefined> {
  requireNoTerminal(flags);
  if (isInstalled()) {
    if (passedOn(flags).length > 0)
      throw usageFailure('the unit of systemd has its own flags', 'gatehouse runtime enable installs it with others');
    return systemctl(['start', unitName]);
  }
  const folder = dataFolder(tools.world);
  if (isLocked(folder)) throw new Failure(exitCodes.negative, 'a runtime is running already');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const out = openSync(join(folder, 'runtime.out'), 'a', 0o600);
  // Started from within a session it must not end with it.
  const { GATEHOUSE_SESSION: _mark, ...env } = tools.world.env;
  const args = [...ownWords(), 'runtime', 'run', ...passedOn(flags)];
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', out, out], env });
  const ended = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
  const code = await Promise.race([ended, until(() => readStatus(folder) !== undefined).then(() => undefined)]);
  if (code !== undefined)
    throw new Failure(exitCodes.unavailable, `the runtime ended at once: ${join(folder, 'runtime.out')} says why`);
  child.unref();
  tools.output.note('The runtime is started: gatehouse runtime status');
  return undefined;
}

async function stop({ world, output }: Tools): Promise<undefined> {
  if (isInstalled()) return systemctl(['stop', unitName]);
  const folder = dataFolder(world);
  const status = readStatus(folder);
  if (status === undefined) throw new Failure(exitCodes.negative, 'no runtime is running');
  process.kill(status.pid, 'SIGTERM');
  await until(() => !isLocked(folder));
  output.note('The runtime is stopped.');
  return undefined;
}

/** Of the runtime that systemd has, unless another one is named; else of this account's own. */
function foldersOf({ world }: Pick<Tools, 'world'>): { readonly data: string; readonly credentials?: string } {
  if (!isInstalled() || world.env.GATEHOUSE_DATA_DIR) return { data: dataFolder(world) };
  try {
    accessSync(enabledFolder.data, constants.R_OK | constants.X_OK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES')
      throw usageFailure(`${enabledFolder.data} is not for this account`, 'sudo gatehouse runtime ...');
  }
  return enabledFolder;
}

const runtimeStatus = defineCommand({
  command: 'status',
  describe: 'Show whether the runtime runs, as which device, and whether a relay is connected; 1 when it does not',
  run: (_flags, { world, output }) => {
    const { data } = foldersOf({ world });
    const status = readStatus(data);
    const state = new DeviceFiles(data).state();
    if (output.isJson) output.json({ running: status !== undefined, registration: state?.status ?? 'none', ...status });
    else
      output.facts([
        ['runtime', status ? output.good(`running (${status.pid})`) : output.bad('not running')],
        ['since', output.time(status?.startedAt)],
        ['registration', state?.status ?? 'none'],
        ['device', state?.name ?? state?.deviceId],
        ['owner', state?.owner],
        ['address', status?.url ?? state?.url],
        ['fingerprint', status?.fingerprint],
        ['tunnel', status?.tunnel && tunnelText(status.tunnel)],
      ]);
    return status === undefined ? exitCodes.negative : exitCodes.ok;
  },
});

const tunnelText = (tunnel: NonNullable<NonNullable<ReturnType<typeof readStatus>>['tunnel']>): string =>
  tunnel.status === 'online' ? `online, ${tunnel.relay} over ${tunnel.carrier}` : tunnel.status;

const runtimeEnable = defineCommand({
  command: 'enable',
  describe: 'Install the unit of systemd, so that the runtime starts with the machine',
  options: (parser) =>
    ownerOptions(parser)
      .option('now', { type: 'boolean', default: false, describe: 'And start it' })
      .option('user', {
        type: 'string',
        requiresArg: true,
        describe: 'The account that sessions act as; SUDO_USER unless given',
      })
      .option('allow-sudo', { type: 'boolean', default: false, describe: 'Leave the account the way to become root' }),
  run: ({ now, user, 'allow-sudo': allowSudo, ...flags }, tools) => {
    const account = user ?? tools.world.env.SUDO_USER ?? userInfo().username;
    requireSystemd();
    requireNoTerminal(flags);
    requireAccount(account);
    if (account === 'root') tools.output.note('warning: sessions will act as root; --user names another account');
    const { url, ca } = tools.settings();
    const text = unitText({
      ...{ user: account, allowSudo },
      command: [process.execPath, ...ownWords(), 'runtime', 'run', ...passedOn(flags)],
      environment: { GATEHOUSE_URL: url.value, ...(ca && { GATEHOUSE_CA: ca.value }) },
    });
    writePrivateFile(join(unitFolder, unitName), text);
    systemctl(['daemon-reload']);
    return systemctl(['enable', ...(now ? ['--now'] : []), unitName]);
  },
});

const runtimeDisable = defineCommand({
  command: 'disable',
  describe: 'Do not start the runtime with the machine any more',
  options: (parser) => parser.option('now', { type: 'boolean', default: false, describe: 'And stop it' }),
  run: ({ now }) => {
    requireSystemd();
    return systemctl(['disable', ...(now ? ['--now'] : []), unitName]);
  },
});

const runtimeLogout = defineCommand({
  command: 'logout',
  describe: 'Forget who this device is: keys, registration, its key to Gatehouse',
  run: (_flags, tools) => {
    const { data, credentials = tools.settings().folder.path } = foldersOf(tools);
    if (isLocked(data)) throw new Failure(exitCodes.negative, 'the runtime is running', 'gatehouse runtime stop');
    new DeviceFiles(data).forget();
    forgetDeviceKey({ path: credentials });
    tools.output.note('This machine is no device any more. Where it was known: gatehouse devices remove NAME');
    return undefined;
  },
});

export const runtimeCommands: readonly Command[] = [
  ...[runtimeRun, runtimeStart, runtimeStop, runtimeRestart, runtimeStatus],
  ...[runtimeEnable, runtimeDisable, runtimeLogout],
];

/** How this program was called, for a unit and for the background. */
const ownWords = (): readonly string[] => [process.argv[1] ?? ''];

const passedOn = (flags: OwnerFlags): readonly string[] =>
  (['email', 'org-id', 'approve-command'] as const).flatMap((name) => {
    const value = flags[name];
    return value === undefined ? [] : [`--${name}`, String(value)];
  });

const waitMs = 20_000;

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + waitMs; !condition(); await pause(50))
    if (Date.now() > end) throw new Failure(exitCodes.unavailable, `not within ${waitMs / 1_000} s`);
}
