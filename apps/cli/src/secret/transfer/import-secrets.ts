import { resolve } from 'node:path';
import type { Client } from '../../client.js';
import { defineCommand, type Tools } from '../../command.js';
import { exitCodes, Failure, usageFailure } from '../../failure.js';
import { RefusedError } from '../../output/problem.js';
import { standardInput } from '../../world.js';
import { readBytes } from '../secret-input.js';
import { metadataOf } from '../secrets-api.js';
import { keyLines, openFromAge } from './age-file.js';
import type { ImportEntry } from './entry.js';
import { readDotenv } from './read-dotenv.js';
import { readKubernetes } from './read-kubernetes.js';
import { readVaultExport } from './read-vault-export.js';
import { batchesOf, type EntryRequest, EntryWriting } from './write-entries.js';

const sources = ['dotenv', 'vault', 'kubernetes', 'age'] as const;
const policies = ['fail', 'skip', 'new-version'] as const;
type Policy = (typeof policies)[number];

const maxFileBytes = 64 * 1024 * 1024;

type Outcome = 'create' | 'new_version' | 'skipped' | 'conflict' | 'written';

interface Planned {
  readonly entry: ImportEntry;
  readonly outcome: Outcome;
  /** The version that is there; 0: none. */
  readonly current: number;
}

const words: Readonly<Record<Outcome, string>> = {
  create: 'would be created',
  new_version: 'would get a new version',
  skipped: 'is there already, left as it is',
  conflict: 'is there already',
  written: 'written',
};

export const importSecrets = defineCommand({
  command: 'import <file>',
  describe: 'Take over secrets: .env files, exports of Vault, manifests of Kubernetes, exports of Gatehouse (age)',
  options: (parser) =>
    parser
      .positional('file', { type: 'string', demandOption: true, describe: '- is the standard input' })
      .option('from', { choices: sources, demandOption: true, describe: 'What the file is' })
      .option('prefix', { type: 'string', requiresArg: true, default: '', describe: 'Where they go: production' })
      .option('name', {
        type: 'string',
        requiresArg: true,
        describe: 'Path of an answer of Vault that does not say it',
      })
      .option('identity', { type: 'string', requiresArg: true, describe: 'Identity file of age, with --from age' })
      .option('dry-run', { type: 'boolean', default: false, describe: 'Only say what would happen' })
      .option('on-conflict', {
        choices: policies,
        default: 'fail' as const,
        describe: 'When a secret is there already',
      })
      .option('resume', {
        type: 'string',
        requiresArg: true,
        describe: 'Go on with an import that broke off: what it wrote is not written again',
      })
      .example('$0 secrets import .env --from dotenv --prefix production --dry-run', ''),
  run: async ({ file, prefix, resume, 'dry-run': dryRun, 'on-conflict': onConflict, ...flags }, tools) => {
    if (resume !== undefined && !/^[A-Za-z0-9-]{8,64}$/.test(resume))
      throw usageFailure('--resume is the word that was told');
    const entries = await entriesOf(file, flags, tools);
    const below = prefix.replace(/^\/+|\/+$/g, '');
    const placed = entries.map((entry) => ({ ...entry, path: below === '' ? entry.path : `${below}/${entry.path}` }));
    const client = tools.client();
    const plan = await planFor(client, placed, onConflict, resume !== undefined);
    if (dryRun) return report(plan, tools);
    if (plan.some(({ outcome }) => outcome === 'conflict')) {
      report(plan, tools);
      throw new Failure(
        exitCodes.negative,
        'nothing is imported: some are there already',
        '--on-conflict skip leaves them as they are, new-version writes over them',
      );
    }
    return report(await write(client, plan, resume, tools), tools);
  },
});

interface SourceFlags {
  readonly from: (typeof sources)[number];
  readonly name?: string | undefined;
  readonly identity?: string | undefined;
}

async function entriesOf(file: string, { from, name, identity }: SourceFlags, { world }: Tools) {
  const path = file === standardInput ? undefined : resolve(world.cwd, file);
  const bytes = await readBytes(path, world, maxFileBytes);
  if (from === 'age') {
    if (identity === undefined) throw usageFailure('--from age needs --identity FILE');
    const lines = keyLines((await readBytes(resolve(world.cwd, identity), world)).toString('utf8'));
    if (lines.length === 0) throw usageFailure('the identity file is empty');
    return openFromAge(bytes, lines);
  }
  const text = decoded(bytes, file);
  if (from === 'dotenv') return readDotenv(text);
  return from === 'vault' ? readVaultExport(text, name) : readKubernetes(text);
}

function decoded(bytes: Buffer, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw usageFailure(`${file} is not UTF-8`);
  }
}

/** What is there is found by metadata: no value is read. */
async function planFor(
  client: Client,
  entries: readonly ImportEntry[],
  onConflict: Policy,
  isResumed: boolean,
): Promise<Planned[]> {
  const plan: Planned[] = [];
  for (const entry of entries) {
    const current = await currentOf(client, entry.path);
    plan.push({ entry, current, outcome: current === 0 ? 'create' : taken(onConflict, isResumed) });
  }
  return plan;
}

/** What an import that broke off wrote is there: whether it was that one, the service knows by the key of the call. */
function taken(onConflict: Policy, isResumed: boolean): Outcome {
  if (onConflict === 'new-version') return 'new_version';
  if (isResumed) return 'create';
  return onConflict === 'skip' ? 'skipped' : 'conflict';
}

async function currentOf(client: Client, path: string): Promise<number> {
  try {
    return (await metadataOf(client, path)).currentVersion;
  } catch (error) {
    if (error instanceof RefusedError && error.status === 404) return 0;
    throw error;
  }
}

/** A request for many, each a decision. What was written before a failure stays, and --resume goes on behind it. */
async function write(
  client: Client,
  plan: readonly Planned[],
  resume: string | undefined,
  { output }: Tools,
): Promise<Planned[]> {
  const due = plan.filter(({ outcome }) => outcome !== 'skipped');
  const writing = new EntryWriting(client, resume);
  for (const batch of batchesOf(due.map(requestOf))) {
    await writing.write(batch);
    if (writing.versions.size < due.length) output.note(`${writing.versions.size} of ${due.length}`);
  }
  return plan.map((planned) => {
    const version = writing.versions.get(planned.entry.path);
    return version === undefined ? planned : { ...planned, outcome: 'written', current: version };
  });
}

/** Only over what was seen: whatever somebody else wrote in between stays. */
const requestOf = ({ entry: { path, data, customMetadata }, outcome, current }: Planned): EntryRequest => ({
  ...{ path, data, customMetadata },
  cas: outcome === 'create' ? 0 : current,
});

function report(plan: readonly Planned[], { output }: Tools): undefined {
  const rows = plan.map(({ entry: { path }, outcome, current }) => ({ path, outcome, version: current }));
  if (output.isJson) output.json({ secrets: rows });
  else
    output.table(
      ['PATH', 'OUTCOME', 'VERSION'],
      rows.map(({ path, outcome, version }) => [path, words[outcome], version === 0 ? '' : String(version)]),
    );
  return undefined;
}
