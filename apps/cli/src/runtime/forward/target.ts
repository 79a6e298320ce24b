import { posix } from 'node:path';

/** What a forward leads to. */
export type Target =
  | { readonly kind: 'tcp' | 'udp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'serial'; readonly path: string; readonly baud: number }
  /** A port of this device's loopback; the client has what it leads to. */
  | { readonly kind: 'reverse'; readonly port: number };

const defaultBaud = 115_200;
/** Those of termios(3). */
const bauds = new Set([
  ...[300, 600, 1_200, 1_800, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 500_000],
  ...[576_000, 921_600, 1_000_000, 1_152_000, 1_500_000, 2_000_000, 2_500_000, 3_000_000, 3_500_000, 4_000_000],
]);

/**
 * `tcp:host:port`, `udp:[::1]:53`, `unix:/run/x.sock`, `serial:/dev/ttyUSB0` or `serial:ttyUSB0:9600`, `reverse:8080`.
 * Undefined for what is none of them.
 */
export function parseTarget(text: string): Target | undefined {
  const [, kind = '', rest = ''] = /^([a-z]+):(.+)$/s.exec(text) ?? [];
  if (kind === 'tcp' || kind === 'udp') return parseAddress(kind, rest);
  if (kind === 'unix') return rest.startsWith('/') && isPath(rest) ? { kind, path: posix.normalize(rest) } : undefined;
  if (kind === 'serial') return parseSerial(rest);
  const port = kind === 'reverse' ? parsePort(rest) : undefined;
  return port === undefined ? undefined : { kind: 'reverse', port };
}

function parseAddress(kind: 'tcp' | 'udp', text: string): Target | undefined {
  const [, inBrackets, plain, digits = ''] = /^(?:\[([0-9A-Fa-f:.%\w]+)\]|([A-Za-z0-9._-]+)):(\d+)$/.exec(text) ?? [];
  const host = (inBrackets ?? plain)?.toLowerCase();
  const port = parsePort(digits);
  return host === undefined || port === undefined ? undefined : { kind, host, port };
}

function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/** A name is one below `/dev`, said once. */
function parseSerial(text: string): Target | undefined {
  const [, name = '', digits] = /^(.+?)(?::(\d+))?$/s.exec(text) ?? [];
  const path = posix.resolve('/dev', name);
  const baud = digits === undefined ? defaultBaud : Number(digits);
  return isPath(path) && path.startsWith('/dev/') && bauds.has(baud) ? { kind: 'serial', path, baud } : undefined;
}

const isPath = (text: string): boolean => !text.includes('\0');
