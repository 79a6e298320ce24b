import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LocalServerError } from './local-server-error.js';
import { installNats, inWorkFolder, isSupportedNats, type NatsBinary } from './nats-binary.js';

const KEYRINGS = ['/usr/share/keyrings/debian-archive-keyring.gpg', '/usr/share/keyrings/debian-archive-keyring.pgp'];
/** Newest first. Bookworm's own nats-server is 2.9; the program of a newer suite runs there (it needs libc 2.34). */
const SUITES = ['testing', 'stable'];
const TIMEOUT_MS = 180_000;

/** Whether this machine has Debian's package manager. */
export function hasApt(env: NodeJS.ProcessEnv = process.env): boolean {
  const folders = (env.PATH ?? '').split(':');
  return ['apt-get', 'dpkg'].every((program) => folders.some((folder) => existsSync(join(folder, program))));
}

/**
 * Fetches the `nats-server` package with apt and unpacks only its program, for which neither root nor an installation is needed.
 * Tries the machine's own package sources, then (on Debian) a newer suite from the same mirror with folders of its own: the system's
 * package lists and sources stay as they are. apt checks the archive's signature.
 *
 * Throws LocalServerError `download-failed` with what apt said.
 */
export async function natsFromApt(target: string, onProgress: (message: string) => void): Promise<NatsBinary> {
  const failures: string[] = [];
  const own = await ownCandidate();
  const attempts = [
    ...(own === undefined ? [] : [{ label: `package ${own}`, options: () => Promise.resolve([] as string[]) }]),
    ...(isDebian()
      ? SUITES.map((suite) => ({ label: `Debian ${suite}`, options: (work: string) => suiteOptions(suite, work) }))
      : []),
  ];
  for (const attempt of attempts) {
    onProgress(`fetching nats-server (${attempt.label}) with apt`);
    try {
      return await inWorkFolder(target, async (work) => unpackPackage(target, work, await attempt.options(work)));
    } catch (error) {
      failures.push(`${attempt.label}: ${lastLine(error)}`);
    }
  }
  throw new LocalServerError(
    'download-failed',
    `apt has no nats-server for this machine (${failures.join('; ') || 'none offered'})`,
  );
}

async function unpackPackage(target: string, work: string, options: string[]): Promise<NatsBinary> {
  await run('apt-get', ['-qq', ...options, 'download', 'nats-server'], work);
  const deb = readdirSync(work).find((name) => name.endsWith('.deb'));
  if (deb === undefined) throw new Error('apt-get left no package');
  await run('dpkg', ['-x', deb, 'unpacked'], work);
  const program = ['usr/sbin/nats-server', 'usr/bin/nats-server'].find((path) =>
    existsSync(join(work, 'unpacked', path)),
  );
  if (program === undefined) throw new Error('the package holds no nats-server');
  return installNats(join(work, 'unpacked', program), target);
}

/** The version the machine's own sources offer, if it is new enough and its lists have been fetched. */
async function ownCandidate(): Promise<string | undefined> {
  try {
    const { stdout } = await run('apt-cache', ['policy', 'nats-server'], '/');
    const version = /Candidate: (?:\d+:)?(\d\S*)/.exec(stdout)?.[1];
    return version !== undefined && isSupportedNats(version) ? version : undefined;
  } catch {
    return undefined;
  }
}

function isDebian(): boolean {
  return existsSync('/etc/os-release') && /^ID="?debian"?$/m.test(readFileSync('/etc/os-release', 'utf8'));
}

async function suiteOptions(suite: string, work: string): Promise<string[]> {
  const keyring = KEYRINGS.find(existsSync);
  if (keyring === undefined) throw new Error('no Debian archive keyring');
  mkdirSync(join(work, 'lists', 'partial'), { recursive: true });
  mkdirSync(join(work, 'cache', 'archives', 'partial'), { recursive: true });
  writeFileSync(join(work, 'sources.list'), `deb [signed-by=${keyring}] ${await mirror()} ${suite} main\n`);
  const options = [
    `Dir::Etc::sourcelist=${join(work, 'sources.list')}`,
    'Dir::Etc::sourceparts=-',
    'Dir::Etc::preferencesparts=-',
    `Dir::State::lists=${join(work, 'lists')}`,
    `Dir::Cache=${join(work, 'cache')}`,
    'APT::Sandbox::User=root',
    'Acquire::Languages=none',
    'Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false',
  ].flatMap((option) => ['-o', option]);
  await run('apt-get', ['-qq', ...options, 'update'], work);
  return options;
}

/** The mirror this machine uses already, which is the one its network can reach. */
async function mirror(): Promise<string> {
  try {
    const { stdout } = await run('apt-get', ['indextargets', '--format', '$(SITE)', 'Created-By: Packages'], '/');
    const site = stdout.split('\n').find((line) => line !== '' && !line.includes('security'));
    if (site !== undefined) return site;
  } catch {
    // No usable sources: Debian's own address is the best guess left.
  }
  return 'http://deb.debian.org/debian';
}

function run(command: string, args: string[], cwd: string) {
  return promisify(execFile)(command, args, { cwd, timeout: TIMEOUT_MS, maxBuffer: 16 * 1024 * 1024 });
}

function lastLine(error: unknown): string {
  const text = (error as { stderr?: string }).stderr || (error instanceof Error ? error.message : String(error));
  return text.trim().split('\n').at(-1) ?? '';
}
