import type { WriteStream } from 'node:tty';
import { defineCommand, type Tools } from '../../command.js';
import { exitCodes, Failure, usageFailure } from '../../failure.js';
import { printable } from '../../output/table.js';
import { type FilePlace, parsePlace } from './file-path.js';
import { type OpenedPlace, openPlace } from './open-side.js';
import { Progress } from './progress.js';
import { type CopyContext, copyFile, copyTree } from './transfer.js';

/** On a terminal alone, and on the error output: standard output stays for data. */
export function progressOf({ world, output }: Tools, isQuiet: boolean): Progress {
  const isShown = (world.stderr as Partial<WriteStream>).isTTY === true && !isQuiet && !output.isJson;
  return new Progress(isShown ? (text) => world.writeError(text) : undefined, Date.now);
}

export const copyFiles = defineCommand({
  command: 'cp <paths..>',
  describe: 'Copy files: SOURCE... TARGET, where DEVICE:PATH is on a device',
  options: (parser) =>
    parser
      .positional('paths', { type: 'string', array: true, demandOption: true })
      .option('recursive', { type: 'boolean', alias: 'r', default: false, describe: 'Folders and all below' })
      .option('quiet', { type: 'boolean', alias: 'q', default: false, describe: 'No progress' })
      .option('no-clobber', { type: 'boolean', alias: 'n', default: false, describe: 'Never replace what is there' })
      .example('$0 cp firmware.bin edge-1:', 'into the home of whom the runtime runs as')
      .example('$0 cp -r edge-1:/var/log/app ./logs', '')
      .example('$0 cp edge-1:site.tar edge-2:/srv/', ''),
  run: async ({ paths, recursive, quiet, 'no-clobber': keeps }, tools) => {
    const places = paths.map((path) => parsePlace(String(path)));
    const target = places.pop();
    if (!target || places.length === 0) throw usageFailure('say what to copy, and where to');
    const copied: Copied[] = [];
    for (const [i, source] of places.entries()) {
      const isIntoFolder = places.length > 1 || /[/\\]$/.test(String(paths.at(-1)));
      copied.push(
        await copyOne(tools, { source, target, recursive, quiet, keeps, isIntoFolder, name: String(paths[i]) }),
      );
    }
    if (tools.output.isJson) tools.output.json({ copied });
    return undefined;
  },
});

interface Wish {
  readonly source: FilePlace;
  readonly target: FilePlace;
  readonly recursive: boolean;
  readonly quiet: boolean;
  readonly keeps: boolean;
  readonly isIntoFolder: boolean;
  readonly name: string;
}

interface Copied {
  readonly source: string;
  readonly target: string;
  readonly files: number;
}

async function copyOne(tools: Tools, wish: Wish): Promise<Copied> {
  const from = await openPlace(tools, wish.source, 'read');
  try {
    const to = await openPlace(tools, wish.target, 'write');
    try {
      return await copyBetween(tools, from, to, wish);
    } finally {
      to.side.close();
    }
  } finally {
    from.side.close();
  }
}

async function copyBetween(tools: Tools, from: OpenedPlace, to: OpenedPlace, wish: Wish): Promise<Copied> {
  const entry = await from.side.stat(from.path, true);
  if (!entry) throw new Failure(exitCodes.negative, `${wish.name}: there is no such file`);
  const context: CopyContext = {
    from: from.side,
    to: to.side,
    progress: progressOf(tools, wish.quiet),
    overwrite: !wish.keeps,
    skipped: (path) => tools.output.note(`${printable(path)} is neither file, folder nor link: left out`),
  };
  const there = await to.side.stat(to.path, true);
  if (wish.isIntoFolder && there?.type !== 'directory')
    throw new Failure(exitCodes.negative, `${to.side.label}${to.path} is no folder`);
  const base = from.side.baseName(from.path);
  const target = there?.type === 'directory' && base !== '' && base !== '.' ? to.side.join(to.path, base) : to.path;
  const told = { source: `${from.side.label}${from.path}`, target: `${to.side.label}${target}` };
  if (entry.type === 'directory') {
    if (!wish.recursive) throw usageFailure(`${wish.name} is a folder: -r copies it with all below`);
    return { ...told, files: await copyTree(context, from.path, entry, target) };
  }
  if (entry.type !== 'file') throw usageFailure(`${wish.name} is no regular file`);
  await copyFile(context, from.path, entry, target);
  return { ...told, files: 1 };
}
