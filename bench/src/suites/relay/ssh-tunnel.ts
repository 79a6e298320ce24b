import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { freePort } from '@gatehouse/local-servers';
import { waitFor } from '@gatehouse/testing';

const server = '/usr/sbin/sshd';

/** A port here that comes out at the device's, whatever carries it. */
export interface TcpTunnel {
  /** Where a client connects: it comes out at the device's port. */
  readonly port: number;
  readonly devicePort: number;
  readonly pids: readonly number[];
  stop(): void;
}

/** `ssh -R` through a server of OpenSSH on this machine; undefined where there is none. */
export async function startSshTunnel(folder: string, cipher: string): Promise<TcpTunnel | undefined> {
  if (!existsSync(server)) return undefined;
  mkdirSync('/run/sshd', { recursive: true });
  const at = (name: string) => join(folder, name);
  for (const name of ['host', 'user']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)]);
  const [port, devicePort, forwarded] = [await freePort(), await freePort(), await freePort()];
  const settings = [
    'PasswordAuthentication no',
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin yes',
    'LogLevel ERROR',
  ];
  const config = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${at('host')}`,
    `AuthorizedKeysFile ${at('user.pub')}`,
  ];
  writeFileSync(at('sshd_config'), [...config, `PidFile ${at('pid')}`, ...settings, ''].join('\n'));
  const sshd = spawn(server, ['-D', '-e', '-f', at('sshd_config')], { stdio: ['ignore', 'ignore', 'inherit'] });
  await waitFor(() => canConnect(port), { message: 'sshd listens' });
  const options = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
    'ExitOnForwardFailure=yes',
  ];
  const ssh = spawn(
    'ssh',
    [
      ...options.flatMap((option) => ['-o', option]),
      ...['-c', cipher, '-i', at('user'), '-p', String(port), '-N'],
      ...['-R', `127.0.0.1:${forwarded}:127.0.0.1:${devicePort}`, `${process.env.USER ?? 'root'}@127.0.0.1`],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  await waitFor(() => canConnect(forwarded), { message: 'ssh -R listens' });
  return {
    port: forwarded,
    devicePort,
    pids: [sshd.pid ?? 0, ssh.pid ?? 0],
    stop: () => {
      ssh.kill();
      sshd.kill();
    },
  };
}

export const canConnect = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
