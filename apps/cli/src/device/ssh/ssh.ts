import { chmodSync, mkdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { runProgram } from '../../child-program.js';
import { defineCommand, type EndCode, type Tools } from '../../command.js';
import { usageFailure } from '../../failure.js';
import { findBaseFolder } from '../../settings/folder.js';
import { writePrivateFile } from '../../settings/private-file.js';
import { attach } from '../terminal/attach.js';
import { localSide } from '../terminal/shell.js';
import { deviceOfHost, hostSuffix, sshSection, withoutSection, withSection } from './ssh-config.js';

export const ssh = defineCommand({
  command: 'ssh <host> [args..]',
  describe: 'Run ssh to a device; ssh enable makes ssh, scp and rsync know DEVICE.gatehouse, ssh disable undoes it',
  options: (parser) =>
    parser
      .positional('host', { type: 'string', demandOption: true, describe: 'A device, enable or disable' })
      .positional('args', { type: 'string', array: true })
      .option('transport', { type: 'boolean', default: false, describe: 'Carry the bytes of an ssh that runs already' })
      .example(
        '$0 ssh enable',
        'then: ssh edge-1.gatehouse, scp a.txt edge-1.gatehouse:, rsync -a . edge-1.gatehouse:site',
      )
      .example('$0 ssh edge-1 -- -L 8080:localhost:80', ''),
  run: async ({ host, args = [], transport, '--': rest = [] }, tools) => {
    if (host === 'enable' || host === 'disable') return changeConfig(tools, host === 'enable');
    if (transport) return carry(tools, deviceOfHost(host));
    return runSsh(tools, deviceOfHost(host), [...args, ...rest].map(String));
  },
});

/** Standard input and output are the bytes of ssh, as its ProxyCommand has them. */
async function carry(tools: Tools, device: string): Promise<EndCode> {
  const stream = await tools.dial(device)({ kind: 'ssh' }, { kind: 'ssh' });
  return attach(stream, localSide(tools), { stdin: true, isTerminal: false, isLine: true });
}

/** How this program is called again. */
const ownProgram = (): string[] => [process.execPath, realpathSync(process.argv[1] ?? '')];
const knownHostsOf = ({ world }: Tools): string => join(findBaseFolder(world).path, 'known_hosts');

async function runSsh(tools: Tools, device: string, args: readonly string[]): Promise<EndCode> {
  if (device.startsWith('-')) throw usageFailure(`"${device}" is no name of a device`);
  const folder = dirname(knownHostsOf(tools));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'ssh_config');
  writePrivateFile(path, sshSection(ownProgram(), knownHostsOf(tools)));
  const env = Object.fromEntries(Object.entries(tools.world.env));
  return runProgram('ssh', ['-F', path, `${device}${hostSuffix}`, ...args], env);
}

function changeConfig(tools: Tools, isOn: boolean): undefined {
  const path = resolve(tools.world.home, '.ssh', 'config');
  const before = readOr(path, '');
  const after = isOn ? withSection(before, sshSection(ownProgram(), knownHostsOf(tools))) : withoutSection(before);
  if (after !== before) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    mkdirSync(dirname(knownHostsOf(tools)), { recursive: true, mode: 0o700 });
    const mode = statSync(path, { throwIfNoEntry: false })?.mode;
    // Through a link into a folder of dotfiles: the file itself is replaced, the link stays.
    const real = mode === undefined ? path : realpathSync(path);
    writePrivateFile(real, after);
    if (mode !== undefined) chmodSync(real, mode & 0o777);
  }
  const { output } = tools;
  if (output.isJson) output.json({ file: path, enabled: isOn, changed: after !== before });
  else
    output.line(isOn ? `ssh knows DEVICE${hostSuffix} (${path})` : `ssh knows DEVICE${hostSuffix} no more (${path})`);
  return undefined;
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return otherwise;
    throw error;
  }
}
