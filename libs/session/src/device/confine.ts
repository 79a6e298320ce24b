import { isIP } from 'node:net';
import path from 'node:path';
import { constantTimeEqual } from '@gatehouse/crypto';
import type { DeviceAction, GrantClaims, GrantScope } from '../grant.js';
import { commandHash } from '../grants.js';
import type { FileRequest, OpenMessage } from '../messages.js';

/** What each kind takes, of which one is enough: what exactly `files` and `ssh` may do follows from which of them are there. */
const actionsOf: Record<GrantScope['kind'], readonly DeviceAction[]> = {
  shell: ['device.shell'],
  exec: ['device.exec'],
  files: ['device.files.read', 'device.files.write'],
  forward: ['device.forward'],
  logs: ['device.logs'],
  metrics: ['device.metrics'],
  ssh: ['device.shell', 'device.exec', 'device.files.read', 'device.files.write', 'device.forward'],
  recording: ['device.recordings.read'],
};

const serialPattern = /^\/dev\/[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*(:[1-9][0-9]{0,6})?$/;
const portPattern = /^[1-9][0-9]{0,4}$/;
const hostPattern = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/;

function portOf(text: string): string | undefined {
  return portPattern.test(text) && Number(text) <= 65_535 ? text : undefined;
}

/** The shortest form of an IPv6 address, as URLs have it. */
function addressOf(text: string): string | undefined {
  if (isIP(text) !== 6 || text.includes('%')) return undefined;
  return new URL(`http://[${text}]`).hostname;
}

function hostOf(text: string): string | undefined {
  const bracketed = /^\[(.+)\]$/.exec(text)?.[1];
  if (bracketed !== undefined) return addressOf(bracketed);
  const host = text.toLowerCase();
  // Digits and dots are an address, written in one way, or nothing: 127.1, 0177.0.0.1 and 2130706433 are not read.
  if (/^[0-9.]+$/.test(host) || /^0x/.test(host)) return isIP(host) === 4 ? host : undefined;
  return hostPattern.test(host) ? host : undefined;
}

function pathOf(text: string): string | undefined {
  if (!text.startsWith('/') || text.includes('\0')) return undefined;
  return text.split('/').includes('..') ? undefined : path.posix.normalize(text);
}

/**
 * The one form of a forward's target, or undefined for what is none: `tcp:host:port`, `udp:host:port` (IPv6 in brackets),
 * `unix:/path`, `serial:/dev/name` or with its rate `serial:/dev/name:9600`, `reverse:port`.
 *
 * @example normalTarget('tcp:Example.COM:80') // 'tcp:example.com:80'
 */
export function normalTarget(text: string): string | undefined {
  const [, kind = '', rest = ''] = /^([a-z]+):(.+)$/s.exec(text) ?? [];
  if (kind === 'tcp' || kind === 'udp') {
    const at = rest.lastIndexOf(':');
    const [host, port] = [hostOf(rest.slice(0, at)), portOf(rest.slice(at + 1))];
    return at > 0 && host && port ? `${kind}:${host}:${port}` : undefined;
  }
  if (kind === 'reverse') return portOf(rest) && `reverse:${rest}`;
  const file = kind === 'unix' || kind === 'serial' ? pathOf(rest) : undefined;
  if (!file || (kind === 'serial' && !serialPattern.test(file))) return undefined;
  return `${kind}:${file}`;
}

/**
 * Whether a path, as it is written, lies at or below one of those granted. Relative ones are below `home`. Links are not looked at:
 * whoever opens the file resolves them and asks again.
 */
export function isWithinPaths(file: string, granted: readonly string[], home: string): boolean {
  const absolute = (text: string) => pathOf(text.startsWith('/') ? text : `${home}/${text}`);
  const wanted = absolute(file);
  if (!wanted) return false;
  return granted.some((text) => {
    const root = absolute(text)?.replace(/\/+$/, '');
    return root !== undefined && `${wanted.replace(/\/+$/, '')}/`.startsWith(`${root}/`);
  });
}

const writes: ReadonlySet<string> = new Set([
  'write',
  'partial',
  'commit',
  'mkdir',
  'symlink',
  'rename',
  'remove',
  'setattr',
]);

/** Whether a request about files is within a grant, as its paths are written; see {@link isWithinPaths} for links. */
export function confineFiles(request: FileRequest, { scope, actions }: GrantClaims, home: string): boolean {
  if (scope.kind !== 'files') return false;
  const isWrite = writes.has(request.op);
  if (isWrite && !(scope.write && actions.includes('device.files.write'))) return false;
  if (!isWrite && !actions.includes('device.files.read')) return false;
  const paths = request.op === 'rename' ? [request.path, request.to] : [request.path];
  return paths.every((file) => isWithinPaths(file, scope.paths, home));
}

/** The same message with what it names in the form that was compared. */
function within(open: OpenMessage, scope: GrantScope): OpenMessage | undefined {
  if (open.kind === 'exec') {
    const isGranted = scope.kind === 'exec' && constantTimeEqual(commandHash(open.command), scope.commandHash);
    return isGranted ? open : undefined;
  }
  if (open.kind === 'forward') {
    const target = normalTarget(open.target);
    const isGranted = target && scope.kind === 'forward' && scope.targets.some((text) => normalTarget(text) === target);
    return isGranted ? { kind: 'forward', target } : undefined;
  }
  if (open.kind === 'recording') {
    return scope.kind === 'recording' && scope.sessionId === open.sessionId ? open : undefined;
  }
  return scope.kind === open.kind ? open : undefined;
}

/**
 * What a client opens, if it was granted that; else undefined. The device's own wall, whatever registry and relay let through.
 *
 * @example
 * const confined = confine(open, grant);
 * if (!confined) stream.sendJson(frameTypes.error, { code: 'not_granted', detail: '' });
 */
export const confine = (open: OpenMessage, { scope, actions }: GrantClaims): OpenMessage | undefined =>
  actionsOf[open.kind].some((action) => actions.includes(action)) ? within(open, scope) : undefined;

/** Whether `newer` grants nothing that `older` did not. */
function isScopeWithin(newer: GrantScope, older: GrantScope): boolean {
  if (newer.kind === 'exec') return older.kind === 'exec' && older.commandHash === newer.commandHash;
  if (newer.kind === 'recording') return older.kind === 'recording' && older.sessionId === newer.sessionId;
  if (newer.kind === 'forward') {
    const targets = older.kind === 'forward' ? older.targets.map(normalTarget) : [];
    return newer.targets.every((target) => targets.includes(normalTarget(target)));
  }
  if (newer.kind === 'files') {
    if (older.kind !== 'files' || (newer.write && !older.write)) return false;
    return newer.paths.every((file) => older.paths.includes(file));
  }
  return newer.kind === older.kind;
}

/** Whether a grant renews another: the same session of the same subject and client, no wider, and no shorter. */
export function renews(newer: GrantClaims, older: GrantClaims): boolean {
  return (
    newer.sid === older.sid &&
    newer.tenantId === older.tenantId &&
    newer.aud === older.aud &&
    newer.subject.type === older.subject.type &&
    newer.subject.id === older.subject.id &&
    newer.cnf.x25519 === older.cnf.x25519 &&
    newer.exp >= older.exp &&
    newer.actions.every((action) => older.actions.includes(action)) &&
    isScopeWithin(newer.scope, older.scope)
  );
}
