import { isIP } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { OwnCertificate } from './certificate.js';
import { InitError } from './init-error.js';

export const usage = `init.mjs --email ADDRESS [--host NAME]... [--port N] [--cert FILE --key FILE] [--uid N --gid N] [--project DIR]
init.mjs update [--host NAME]... [--cert FILE --key FILE] [--project DIR]

Makes keys, logins and a certificate for docker-compose.yml, once. Existing files are never replaced.

  --email    e-mail address of the first owner
  --host     name or address by which clients reach Gatehouse, the first one in links; without it only this machine can
  --port     port of the gateway on this machine (8443)
  --cert     certificate chain (PEM) of your own, and with
  --key      its private key; without them an authority of this installation is made
  --uid      user of the containers, to whom the files are given; only as root (1000)
  --gid      group of the containers; only as root (1000)
  --project  folder of docker-compose.yml (the repository)
  update     after an upgrade: adds what is new, renews the certificate
`;

export interface InitOptions {
  readonly command: 'init' | 'update';
  readonly project: string;
  readonly email: string;
  /** Empty: nobody but this machine. */
  readonly hosts: readonly string[];
  readonly port: number;
  readonly own?: OwnCertificate;
  readonly account: { readonly uid: number; readonly gid: number };
}

const text = { type: 'string' } as const;
const flags = { email: text, port: text, cert: text, key: text, uid: text, gid: text, project: text } as const;
const options = { ...flags, host: { type: 'string', multiple: true }, help: { type: 'boolean' } } as const;

/** Without a quote, so that it can stand between quotes in .env. */
const emailPattern = /^[^\s@\p{Cc}'"\\]{1,64}@[^\s@\p{Cc}'"\\]{1,189}$/u;
const hostPattern = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
/** What the first account of a Linux machine has, and the user `node` of Node's images. */
const usualId = 1_000;

/** Undefined: only help was asked for. Throws InitError. */
export function readArguments(args: readonly string[], self: { uid: number; gid: number }): InitOptions | undefined {
  const { values, positionals } = parse(args);
  if (values.help) return undefined;
  const [command = 'init', ...rest] = positionals;
  if ((command !== 'init' && command !== 'update') || rest.length > 0)
    throw new InitError(`"${positionals.join(' ')}" is not a command; there is update`);
  const { email = '', host = [], cert, key } = values;
  if (command === 'init' && !emailPattern.test(email)) throw new InitError('--email needs an e-mail address');
  const stranger = host.find((name) => isIP(name) === 0 && !hostPattern.test(name));
  if (stranger !== undefined)
    throw new InitError(`--host: "${stranger}" is neither a lower-case DNS name nor an address`);
  if ((cert === undefined) !== (key === undefined)) throw new InitError('--cert and --key go together');
  return {
    command,
    project: values.project ?? join(import.meta.dirname, '../..'),
    email,
    hosts: host,
    port: integer('--port', values.port ?? '8443', 65_535),
    account: readAccount(values, self),
    ...(cert !== undefined && key !== undefined && { own: { certificate: cert, key } }),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new InitError((error as Error).message);
  }
}

/** Only root can give files to somebody else; for everybody else the containers run as the caller. */
function readAccount(values: { uid?: string | undefined; gid?: string | undefined }, self: InitOptions['account']) {
  const isRoot = self.uid === 0;
  const uid = integer('--uid', values.uid ?? String(isRoot ? usualId : self.uid), 2 ** 31);
  const gid = integer('--gid', values.gid ?? String(isRoot ? usualId : self.gid), 2 ** 31);
  if (!isRoot && (uid !== self.uid || gid !== self.gid))
    throw new InitError('--uid and --gid are for root: files you make belong to you');
  return { uid, gid };
}

function integer(flag: string, value: string, max: number): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < 1 || number > max) throw new InitError(`${flag}: "${value}" is not 1..${max}`);
  return number;
}
