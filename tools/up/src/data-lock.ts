import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { processIdentity } from '@gatehouse/local-servers';
import { UpError } from './up-error.js';

interface Holder {
  pid: number;
  identity: string;
}

/** The living process that holds the lock file, if any. A file left by a killed one counts as none. */
export function lockHolder(path: string): number | undefined {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8')) as Holder;
    return processIdentity(holder.pid) === holder.identity ? holder.pid : undefined;
  } catch {
    return undefined;
  }
}

/** Takes the data folder for this process. Throws UpError naming the process that has it. Returns how to give it back. */
export function takeLock(path: string): () => void {
  const record: Holder = { pid: process.pid, identity: processIdentity(process.pid) ?? '' };
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const holder = lockHolder(path);
    if (holder !== undefined) break;
    rmSync(path, { force: true });
    try {
      writeFileSync(path, `${JSON.stringify(record)}\n`, { flag: 'wx', mode: 0o600 });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      // Another start took it between the two lines above; look who.
    }
  }
  throw new UpError(
    `the data folder is in use by process ${lockHolder(path) ?? 'of another start'}: ` +
      'stop that Gatehouse first, or choose another folder with --data',
  );
}
