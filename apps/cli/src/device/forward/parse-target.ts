import { isIP } from 'node:net';
import { usageFailure } from '../../failure.js';

/** One thing to listen on here, and what is reached from the device through it. */
export interface Forward {
  readonly local: { readonly port: number } | { readonly path: string };
  /** Normal form: `tcp:host:port`, `udp:host:port`, `unix:/path`. An IPv6 address stands in brackets. */
  readonly target: string;
  readonly protocol: 'tcp' | 'udp' | 'unix';
}

/** A grant names no more. */
export const maxTargets = 1_024;
const loopback = '127.0.0.1';
const forms =
  'PORT, PORT:PORT, PORT:HOST:PORT, HOST:PORT, ranges A-B[:C-D], each with /udp, or /local.sock[:/remote.sock]';

const refused = (text: string, why: string) => usageFailure(`"${text}" ${why}`, `Forms: ${forms}`);

/**
 * m87's targets: `8080`, `8080:80`, `8080:db:5432`, `192.168.1.5:80`, `8080:[fe80::1]:80`, `8000-8010:9000-9010`, `53/udp`,
 * `/run/a.sock:/run/b.sock`, and a port for a socket, `8080:/run/docker.sock`.
 *
 * @throws Failure for any other text, and for ranges of different sizes
 * @example parseForward('8080:db:5432') // [{ local: { port: 8080 }, target: 'tcp:db:5432', protocol: 'tcp' }]
 */
export function parseForward(text: string): Forward[] {
  if (text.startsWith('/')) return [socketForward(text)];
  const { rest, protocol } = protocolOf(text);
  const parts = splitColons(rest, text);
  const [first = '', ...others] = parts;
  const socket = others.length === 1 && others[0]?.startsWith('/') ? others[0] : undefined;
  if (socket !== undefined) {
    if (protocol === 'udp') throw refused(text, 'is a socket, which has no datagrams here');
    return [{ local: { port: onePort(first, text) }, target: `unix:${checkedPath(socket, text)}`, protocol: 'unix' }];
  }
  return ranges(parts, text).map(({ port, host, remote }) => ({
    local: { port },
    target: `${protocol}:${host}:${remote}`,
    protocol,
  }));
}

/** Several, none of them listening where another one does. @throws Failure */
export function parseForwards(texts: readonly string[]): Forward[] {
  const all = texts.flatMap(parseForward);
  if (all.length > maxTargets) throw usageFailure(`at most ${maxTargets} targets at once`);
  const seen = new Set<string>();
  for (const { local, protocol } of all) {
    const where = 'path' in local ? local.path : `${local.port}/${protocol === 'udp' ? 'udp' : 'tcp'}`;
    if (seen.has(where)) throw usageFailure(`${where} is given twice`);
    seen.add(where);
  }
  return all;
}

export interface Reverse {
  /** On the device, on its loopback alone. */
  readonly port: number;
  readonly host: string;
  readonly localPort: number;
}

/** `-R`: `9000`, `9000:3000`, `9000:host:3000`: the port over there, and what is reached from here. @throws Failure */
export function parseReverse(text: string): Reverse {
  const parts = splitColons(text, text);
  const [first = '', second, third] = parts;
  if (parts.length > 3) throw refused(text, 'is no port of the device with what is reached from here');
  const port = onePort(first, text);
  if (second === undefined) return { port, host: loopback, localPort: port };
  if (third === undefined) return { port, host: loopback, localPort: onePort(second, text) };
  return { port, host: plainHost(checkedHost(second, text)), localPort: onePort(third, text) };
}

const plainHost = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');

function protocolOf(text: string): { rest: string; protocol: 'tcp' | 'udp' } {
  const [, rest = text, protocol] = /^([^/]+)\/(tcp|udp)$/i.exec(text) ?? [];
  return { rest, protocol: protocol?.toLowerCase() === 'udp' ? 'udp' : 'tcp' };
}

/** At colons that are not within brackets, and not behind the slash that begins a path. */
function splitColons(text: string, whole: string): string[] {
  const parts = text.match(/\/.*$|\[[^\]]*\]|[^:[\]]+/g) ?? [];
  if (parts.length === 0 || parts.length > 3 || parts.join(':') !== text) throw refused(whole, 'is no target');
  return parts;
}

interface Ranged {
  readonly port: number;
  readonly host: string;
  readonly remote: number;
}

function ranges(parts: readonly string[], text: string): Ranged[] {
  const [first = '', second, third] = parts;
  if (second === undefined) return paired(first, loopback, first, text);
  if (third !== undefined) return paired(first, checkedHost(second, text), third, text);
  return isPorts(first)
    ? paired(first, loopback, second, text)
    : paired(second, checkedHost(first, text), second, text);
}

const isPorts = (text: string): boolean => /^\d+(-\d+)?$/.test(text);

function paired(here: string, host: string, there: string, text: string): Ranged[] {
  const [from, to] = portRange(here, text);
  const [remoteFrom, remoteTo] = portRange(there, text);
  if (to - from !== remoteTo - remoteFrom)
    throw refused(text, `has ranges of different sizes: ${to - from + 1} and ${remoteTo - remoteFrom + 1}`);
  return Array.from({ length: to - from + 1 }, (_, i) => ({ port: from + i, host, remote: remoteFrom + i }));
}

function portRange(range: string, text: string): [number, number] {
  const [, from, to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(range) ?? [];
  const [low, high] = [Number(from), Number(to)];
  if (from === undefined || low < 1 || high > 65_535) throw refused(text, `has a port that is none: ${range}`);
  if (high < low) throw refused(text, `has a range that goes backwards: ${range}`);
  if (high - low >= maxTargets) throw refused(text, `has more than ${maxTargets} ports`);
  return [low, high];
}

function onePort(port: string, text: string): number {
  const [from, to] = portRange(port, text);
  if (from !== to) throw refused(text, 'has a range where one port is meant');
  return from;
}

function checkedHost(host: string, text: string): string {
  if (isPorts(host)) throw refused(text, `has a number where a host is meant: ${host}`);
  const bracketed = /^\[(.*)\]$/.exec(host)?.[1];
  if (bracketed !== undefined) {
    if (isIP(bracketed) !== 6 || bracketed.includes('%')) throw refused(text, `has an address that is none: ${host}`);
    // The shortest form, as URLs have it: what is granted is compared as text.
    return new URL(`http://[${bracketed}]`).hostname;
  }
  if (/^[0-9.]+$/.test(host) && isIP(host) !== 4) throw refused(text, `has an address that is none: ${host}`);
  if (!/^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/.test(host))
    throw refused(text, `has a host that is none: ${host}`);
  return host.toLowerCase();
}

function socketForward(text: string): Forward {
  const [local = '', remote = local, ...more] = text.split(':');
  if (more.length > 0) throw refused(text, 'has more than two paths');
  return { local: { path: checkedPath(local, text) }, target: `unix:${checkedPath(remote, text)}`, protocol: 'unix' };
}

/** 107 bytes is what the system takes (unix(7)). */
function checkedPath(path: string, text: string): string {
  const isPath = path.startsWith('/') && path.length > 1 && Buffer.byteLength(path) <= 107 && !path.includes('\0');
  if (!isPath || path.split('/').some((part) => part === '..' || part === '.'))
    throw refused(text, `has a path that is none: ${path}`);
  return path.replaceAll(/\/{2,}/g, '/');
}
