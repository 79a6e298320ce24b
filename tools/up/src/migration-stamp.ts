import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DataFolder } from './data-folder.js';

/**
 * Remembers that a service's migrations ran for these programs on this database, so that an unchanged second start need not
 * run them again (a second of processor time for each service). Any compilation, another database folder, or a new password
 * changes the fingerprint. It is a shortcut only: a service itself refuses a schema that lacks a migration.
 */
export class MigrationStamp {
  readonly #file: string;
  readonly #fingerprint: string;

  constructor(folder: DataFolder, repository: string, service: string) {
    this.#file = folder.migrated(service);
    const programs = [join(repository, 'apps', service, 'dist'), ...libraryOutputs(repository)].flatMap(programFacts);
    const passwords = (['request', 'system'] as const).map((role) => fact(folder.databasePassword(service, role)));
    const facts = [...programs, ...passwords, fact(join(folder.postgres, 'PG_VERSION'))];
    this.#fingerprint = createHash('sha256').update(facts.join('\n')).digest('hex');
  }

  holds(): boolean {
    return existsSync(this.#file) && readFileSync(this.#file, 'utf8').trim() === this.#fingerprint;
  }

  write(): void {
    mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
    writeFileSync(this.#file, `${this.#fingerprint}\n`, { mode: 0o600 });
  }

  forget(): void {
    rmSync(this.#file, { force: true });
  }
}

function libraryOutputs(repository: string): string[] {
  const libraries = join(repository, 'libs');
  if (!existsSync(libraries)) return [];
  return readdirSync(libraries)
    .sort()
    .map((name) => join(libraries, name, 'dist'));
}

function programFacts(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.js') && !name.endsWith('.spec.js'))
    .sort()
    .map((name) => fact(join(folder, name)));
}

/** A file is another one when its inode, size or time differs. */
function fact(path: string): string {
  const { ino, size, mtimeMs } = statSync(path);
  return `${path} ${ino} ${size} ${mtimeMs}`;
}
