import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { freePort } from '@gatehouse/local-servers';
import { waitFor } from '@gatehouse/testing';
import { canConnect, type TcpTunnel } from './ssh-tunnel.js';

/** Where `chisel` is on the PATH; undefined: nowhere. */
function findChisel(): string | undefined {
  const files = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'chisel'));
  return files.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** A reverse tunnel of chisel; undefined where there is none. */
export async function startChiselTunnel(): Promise<TcpTunnel | undefined> {
  const chisel = findChisel();
  if (!chisel) return undefined;
  const [port, devicePort, forwarded] = [await freePort(), await freePort(), await freePort()];
  const run = (...args: string[]): ChildProcess => spawn(chisel, args, { stdio: 'ignore' });
  const server = run('server', '--reverse', '--host', '127.0.0.1', '--port', `${port}`);
  await waitFor(() => canConnect(port), { message: 'chisel listens' });
  const client = run('client', `http://127.0.0.1:${port}`, `R:127.0.0.1:${forwarded}:127.0.0.1:${devicePort}`);
  await waitFor(() => canConnect(forwarded), { message: 'the tunnel of chisel listens' });
  return {
    port: forwarded,
    devicePort,
    pids: [server.pid ?? 0, client.pid ?? 0],
    stop: () => {
      client.kill();
      server.kill();
    },
  };
}
