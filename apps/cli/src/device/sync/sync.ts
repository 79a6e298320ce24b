import { setTimeout as wait } from 'node:timers/promises';
import type { FileEntry } from '@gatehouse/session';
import type { Ignore } from 'ignore';
import { defineCommand, type Tools } from '../../command.js';
import { exitCodes, Failure, usageFailure } from '../../failure.js';
import { printable } from '../../output/table.js';
import { untilSignal } from '../../process-signals.js';
import { progressOf } from '../files/copy.js';
import { type FilePlace, parsePlace } from '../files/file-path.js';
import { isUnreadable, SourceChanged } from '../files/file-side.js';
import { type OpenedPlace, openPlace } from '../files/open-side.js';
import { type CopyContext, copyFile, copyLink, ownFolder } from '../files/transfer.js';
import { planSync, type SyncPlan, type SyncStep } from './plan.js';
import { below, excluderOf, type Scanned, sameContent, scan } from './scan.js';

const watchMs = 2_000;

export const syncFiles = defineCommand({
  command: 'sync <source> <target>',
  describe: 'Make a folder like another one; DEVICE:PATH is on a device',
  options: (parser) =>
    parser
      .positional('source', { type: 'string', demandOption: true })
      .positional('target', { type: 'string', demandOption: true })
      .option('delete', { type: 'boolean', default: false, describe: 'Remove what is only at the target' })
      .option('dry-run', { type: 'boolean', alias: 'n', default: false, describe: 'Only say what would be done' })
      .option('watch', { type: 'boolean', default: false, describe: 'Look again every two seconds, until Ctrl-C' })
      .option('checksum', { type: 'boolean', default: false, describe: 'Compare content, not size and time' })
      .option('exclude', {
        type: 'string',
        alias: 'e',
        array: true,
        nargs: 1,
        describe: 'As in .gitignore, from the source on (repeatable); what is excluded is not removed either',
      })
      .option('quiet', { type: 'boolean', alias: 'q', default: false, describe: 'No progress' })
      .example("$0 sync ./site edge-1:/srv/site --delete -e node_modules -e '*.log'", ''),
  run: async (flags, tools) => {
    if (flags.watch && flags['dry-run']) throw usageFailure('--watch and --dry-run do not go together');
    const [source, target] = [parsePlace(flags.source), parsePlace(flags.target)];
    const excluded = excluderOf((flags.exclude ?? []).map(String));
    const wish = {
      source,
      target,
      excluded,
      deletes: flags.delete,
      isDry: flags['dry-run'],
      checksum: flags.checksum,
      quiet: flags.quiet,
      told: new Set<string>(),
    };
    if (!flags.watch) return syncOnce(tools, wish);
    const until = untilSignal();
    try {
      while (!until.signal.aborted) {
        await syncOnce(tools, wish).catch((error: unknown) => goOn(tools, error));
        await wait(watchMs, undefined, { signal: until.signal }).catch(() => undefined);
      }
      return undefined;
    } finally {
      until.end();
    }
  },
});

/** What is away comes back: only what will not work later either ends it. */
function goOn({ output }: Tools, error: unknown): void {
  if (error instanceof NotAll) return;
  if (!(error instanceof Failure) || error.exitCode !== exitCodes.unavailable) throw error;
  output.note(`${printable(error.message)}; trying again`);
}

/** The rest is as it should be. */
class NotAll extends Failure {
  constructor(count: number) {
    super(exitCodes.negative, `${count} could not be synchronised`);
  }
}

interface SyncWish {
  readonly source: FilePlace;
  readonly target: FilePlace;
  readonly excluded: Ignore;
  readonly deletes: boolean;
  readonly isDry: boolean;
  readonly checksum: boolean;
  readonly quiet: boolean;
  /** What stood in the way and was told: with --watch once. */
  readonly told: Set<string>;
}

async function syncOnce(tools: Tools, wish: SyncWish): Promise<undefined> {
  const from = await openPlace(tools, wish.source, 'read');
  try {
    const to = await openPlace(tools, wish.target, 'write');
    try {
      await syncBetween(tools, from, to, wish);
    } finally {
      to.side.close();
    }
  } finally {
    from.side.close();
  }
  return undefined;
}

const nothingThere: Scanned = { tree: new Map(), kept: new Set() };

async function syncBetween(tools: Tools, from: OpenedPlace, to: OpenedPlace, wish: SyncWish): Promise<void> {
  const [above, there] = [await from.side.stat(from.path, true), await to.side.stat(to.path, true)];
  if (above?.type !== 'directory') throw new Failure(exitCodes.negative, `${from.side.label}${from.path} is no folder`);
  if (there && there.type !== 'directory')
    throw new Failure(exitCodes.negative, `${to.side.label}${to.path} is no folder`);
  const { tree: source } = await scan(from.side, from.path, wish.excluded);
  const { tree: target, kept } = there ? await scan(to.side, to.path, wish.excluded) : nothingThere;
  const same = wish.checksum ? await sameContent({ ...from, tree: source }, { ...to, tree: target }) : undefined;
  const plan = planSync(source, target, { deletes: wish.deletes, kept, ...(same && { sameContent: same }) });
  for (const path of plan.conflicts) {
    if (!wish.told.has(path)) tools.output.note(`${printable(path)}: ${conflictOf(path)}`);
    wish.told.add(path);
  }
  const changed: string[] = [];
  if (!wish.isDry && (!there || plan.steps.length > 0)) {
    if (!there) await ownFolder(to.side, to.path, above.mode);
    changed.push(...(await carryOut(tools, from, to, plan, wish.quiet)));
  }
  tell(tools, { ...plan, steps: plan.steps.filter(({ path }) => !changed.includes(path)) }, wish.isDry);
  const left = plan.conflicts.length + changed.length;
  if (left > 0) throw new NotAll(left);
}

const conflictOf = (path: string): string =>
  isUnreadable(path)
    ? 'its name is not UTF-8'
    : 'something else is in its place (--delete removes it), or it is no file, folder or link';

/** @returns what changed meanwhile, and is left as it was at the target */
async function carryOut(
  tools: Tools,
  from: OpenedPlace,
  to: OpenedPlace,
  plan: SyncPlan,
  quiet: boolean,
): Promise<string[]> {
  const skipped = () => undefined;
  const context: CopyContext = {
    from: from.side,
    to: to.side,
    progress: progressOf(tools, quiet),
    overwrite: true,
    skipped,
  };
  const changed: string[] = [];
  for (const step of plan.steps)
    await stepOf(context, from, to, step).catch((error: unknown) => {
      if (!(error instanceof SourceChanged)) throw error;
      tools.output.note(printable(error.message));
      changed.push(step.path);
    });
  return changed;
}

async function stepOf(context: CopyContext, from: OpenedPlace, to: OpenedPlace, step: SyncStep): Promise<void> {
  const at = below(to, step.path);
  if (step.kind === 'remove') await to.side.remove(at);
  else if (step.kind === 'folder') await ownFolder(to.side, at, step.entry.mode);
  else if (step.kind === 'link') await copyLink(context, step.target, at);
  else if (step.kind === 'copy') await copyFile(context, below(from, step.path), step.entry, at);
  else await to.side.setAttributes(at, attributesOf(step.entry));
}

/** The time of a folder is that of what was last done in it. */
const attributesOf = ({ type, mode, mtimeMs }: FileEntry) => ({
  mode: mode & 0o777,
  ...(type !== 'directory' && { mtimeMs }),
});

const words = { remove: 'remove', folder: 'folder', copy: 'copy', link: 'link', attributes: 'mode and time' } as const;

function tell({ output, world }: Tools, { steps, conflicts }: SyncPlan, isDry: boolean): void {
  const told = steps.map(({ kind, path }) => ({ kind, path }));
  // One line a pass: with --watch they are a stream.
  if (output.isJson) world.writeOut(`${JSON.stringify({ dryRun: isDry, steps: told, conflicts })}\n`);
  else for (const { kind, path } of told) output.line(`${words[kind]} ${printable(path)}`);
}
