import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { LocalServerError } from './local-server-error.js';

/** A TCP port on 127.0.0.1 that was free a moment ago. The caller retries on a clash: nothing can reserve a port. */
export async function freePort(): Promise<number> {
  const server = await listen(0, '127.0.0.1');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('the system gave no TCP port');
  return address.port;
}

/**
 * Throws `port-in-use` with the holder's name and pid (as far as this user may see it) when a port is taken.
 *
 * @example await requireFreePort(8443, 'gateway', 'use --port to choose another');
 */
export async function requireFreePort(
  port: number,
  purpose: string,
  remedy: string,
  host = '127.0.0.1',
): Promise<void> {
  try {
    const server = await listen(port, host);
    await new Promise((resolve) => server.close(resolve));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EADDRINUSE') {
      const holder = describePortHolder(port);
      throw new LocalServerError('port-in-use', `port ${port} (${purpose}) is already in use${holder}; ${remedy}`);
    }
    if (code === 'EACCES') {
      throw new LocalServerError('not-accessible', `port ${port} (${purpose}) needs more rights; ${remedy}`);
    }
    throw error;
  }
}

function listen(port: number, host: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, () => resolve(server));
  });
}

/** ` by nginx (pid 812)`, or an empty text where /proc does not tell. */
export function describePortHolder(port: number): string {
  const pid = portHolder(port);
  if (pid === undefined) return '';
  const command = textOf(`/proc/${pid}/cmdline`).split('\0').slice(0, 2).join(' ').trim();
  return ` by ${command.slice(0, 80) || 'a process'} (pid ${pid})`;
}

function portHolder(port: number): number | undefined {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return undefined;
  return pids().find((pid) => openFiles(pid).some((link) => inodes.has(link)));
}

/** proc_pid_net(5), /proc/net/tcp: column 1 is local address:port in hex, column 3 the state (0A listening), column 9 the inode. */
function listeningInodes(port: number): Set<string> {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const rows = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => textOf(file).split('\n').slice(1));
  const fields = rows.map((row) => row.trim().split(/\s+/));
  const matching = fields.filter((row) => row[1]?.endsWith(`:${hex}`) && row[3] === '0A');
  return new Set(matching.map((row) => `socket:[${row[9]}]`));
}

function pids(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function openFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
  } catch {
    return [];
  }
}

/** Empty for a file closed meanwhile, as is the one that listed our own. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
