import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type InitOptions, readArguments, usage } from './arguments.js';
import { isOwn, issueCertificate, renewCertificate, useCertificate } from './certificate.js';
import { InitError } from './init-error.js';
import { type ProjectFolder, projectFolder, secretFiles } from './project-folder.js';
import { makeSecrets, updateSecrets } from './secrets.js';

/**
 * The command line of init.mjs. Returns the exit code; says what it made on stdout, what went wrong on stderr.
 *
 * @example await runInit(['--email', 'owner@example.org', '--host', 'gate.example.org']) // 0
 */
export async function runInit(args: readonly string[]): Promise<number> {
  try {
    const options = readArguments(args, { uid: process.getuid?.() ?? 1_000, gid: process.getgid?.() ?? 1_000 });
    process.stdout.write(options === undefined ? usage : await run(options));
    return 0;
  } catch (error) {
    const known = error instanceof InitError;
    process.stderr.write(`init: ${known ? error.message : ((error as Error).stack ?? String(error))}\n`);
    return 1;
  }
}

function run(options: InitOptions): Promise<string> {
  const folder = projectFolder(options.project);
  return options.command === 'init' ? init(folder, options) : update(folder, options);
}

/**
 * Everything is made aside. COMMIT POINT: the renaming of the folder; before it there is no installation, after it a
 * whole one. The .env comes first, for it holds nothing that could be lost.
 */
async function init(folder: ProjectFolder, options: InitOptions): Promise<string> {
  refuseExisting(folder, options.project);
  rmSync(folder.draft, { recursive: true, force: true });
  mkdirSync(dirname(folder.draft), { recursive: true });
  try {
    const files = secretFiles(folder.draft);
    makeSecrets(files);
    const { own, hosts } = options;
    const certificate = own
      ? useCertificate(files.tls, own, hosts, new Date())
      : await issueCertificate(files.tls, hosts);
    mkdirSync(folder.owner, { recursive: true, mode: 0o700 });
    for (const path of [folder.draft, folder.owner]) giveTo(path, options.account);
    writeFileSync(folder.env, envText(options), { flag: 'wx' });
    renameSync(folder.draft, folder.secrets);
    return said(folder, certificate.replace(folder.draft, folder.secrets), options);
  } catch (error) {
    rmSync(folder.draft, { recursive: true, force: true });
    if (!existsSync(folder.secrets)) rmSync(folder.env, { force: true });
    throw error;
  }
}

function refuseExisting(folder: ProjectFolder, project: string): void {
  if (!existsSync(join(project, 'docker-compose.yml'))) throw new InitError(`${project} holds no docker-compose.yml`);
  if (existsSync(folder.secrets))
    throw new InitError(
      `${folder.secrets} exists and is never replaced: what is stored can only be read with its keys`,
    );
  if (existsSync(folder.env)) throw new InitError(`${folder.env} exists: move it away, or add its lines afterwards`);
}

/** New services get their logins, and the certificate another year. The files stay their owner's. */
async function update(folder: ProjectFolder, { own, hosts }: InitOptions): Promise<string> {
  if (!existsSync(folder.secrets)) throw new InitError(`${folder.secrets} does not exist: there is nothing to update`);
  const files = secretFiles(folder.secrets);
  const account = statSync(folder.secrets);
  updateSecrets(files);
  const certificate = await (own
    ? useCertificate(files.tls, own, hosts, new Date())
    : isOwn(files.tls)
      ? 'the certificate is your own: give --cert and --key to replace it'
      : renewCertificate(files.tls, hosts));
  giveTo(folder.secrets, account);
  if (own) offerNoAuthority(folder.env);
  return `${certificate}\nNow: docker compose up -d --build && docker compose restart nats gateway\n`;
}

const noAuthority = 'GATEHOUSE_CA_FILE=';

/** Clients know the authority of such a certificate already, and ours is gone. */
function offerNoAuthority(env: string): void {
  const text = existsSync(env) ? readFileSync(env, 'utf8') : '';
  if (!text.split('\n').includes(noAuthority)) appendFileSync(env, `${noAuthority}\n`);
}

/** The user of the containers must own what only its owner may read. Nothing to do for whoever is that user already. */
function giveTo(path: string, { uid, gid }: { readonly uid: number; readonly gid: number }): void {
  if (process.getuid?.() !== 0) return;
  const below = readdirSync(path, { recursive: true, encoding: 'utf8' }).map((name) => join(path, name));
  for (const each of [path, ...below]) chownSync(each, uid, gid);
}

function envText({ account, hosts, port, email, own }: InitOptions): string {
  const [host = 'localhost'] = hosts;
  const authority = host.includes(':') ? `[${host}]` : host;
  const lines = {
    GATEHOUSE_UID: account.uid,
    GATEHOUSE_GID: account.gid,
    GATEHOUSE_ADDRESS: hosts.length === 0 ? '127.0.0.1' : '0.0.0.0',
    GATEHOUSE_PORT: port,
    GATEHOUSE_PUBLIC_URL: port === 443 ? `https://${authority}` : `https://${authority}:${port}`,
    GATEHOUSE_LEDGER_ORIGIN: hosts.length === 0 ? 'gatehouse.local/ledger' : `${host}/ledger`,
    GATEHOUSE_OWNER_EMAIL: `'${email}'`,
  };
  const head = '# Made by deploy/compose/init.mjs, read by docker compose. The secrets are in deploy/compose/secrets.';
  const settings = Object.entries(lines).map(([name, value]) => `${name}=${value}`);
  return [head, ...settings, ...(own ? [noAuthority] : []), ''].join('\n');
}

function said({ secrets, env, owner }: ProjectFolder, certificate: string, { account }: InitOptions): string {
  return `keys and logins are in ${secrets}: keep a copy of it elsewhere
settings are in ${env}; containers run as user ${account.uid}:${account.gid}
${certificate}
Now: docker compose up -d --build --wait
The first owner's link and key will then be in ${owner}
`;
}
