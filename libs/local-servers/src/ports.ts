import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { LocalServerError } from './local-server-error.js';

/** Lower ones belong to well-known services, and to what a developer has running. */
const FIRST_PORT = 10_000;
const BLOCK_ATTEMPTS = 100;

/** A TCP port on 127.0.0.1 that was free a moment ago. The caller retries on a clash: nothing can reserve a port. */
export const freePort = (): Promise<number> => freePortBlock(1);

/**
 * The first of `length` consecutive TCP ports on 127.0.0.1 that were free a moment ago.
 *
 * They lie below those that the system gives to outgoing connections (ip(7), ip_local_port_range): a connection holds
 * its port for a minute after its end, so a server that starts again on such a port may find it taken.
 *
 * @example const portBase = await freePortBlock(40); // portBase ... portBase + 39
 */
export async function freePortBlock(length: number): Promise<number> {
  const places = firstOutgoingPort() - FIRST_PORT - length;
  for (let attempt = 0; attempt < BLOCK_ATTEMPTS && places > 0; attempt += 1) {
    const first = FIRST_PORT + randomInt(places);
    if (await areFree(first, length)) return first;
  }
  if (length > 1) throw new LocalServerError('port-in-use', `there are no ${length} free ports in a row`);
  return anyFreePort();
}

async function areFree(first: number, length: number): Promise<boolean> {
  for (let port = first; port < first + length; port += 1) if (!(await isFree(port))) return false;
  return true;
}

const isFree = (port: number): Promise<boolean> =>
  listen(port, '127.0.0.1').then(
    (server) => new Promise((resolve) => server.close(() => resolve(true))),
    () => false,
  );

/** Elsewhere than on Linux the range begins higher than its default there. */
function firstOutgoingPort(): number {
  return Number.parseInt(textOf('/proc/sys/net/ipv4/ip_local_port_range'), 10) || 32_768;
}

/** For a system that leaves nothing below its outgoing connections. */
async function anyFreePort(): Promise<number> {
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
