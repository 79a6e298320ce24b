import yargs, { type Argv } from 'yargs';
import {
  type Command,
  type EndCode,
  type GlobalFlags,
  globalOptions,
  type Host,
  type LazyCommand,
  loadCommands,
  toolsFor,
  wordsOf,
} from './command.js';
import { commands } from './commands.js';
import { splitDeviceCall, withDashes, wordAfter } from './device/split-call.js';
import { deviceCommands } from './device-commands.js';
import { type ExitCode, exitCodes, Failure, usageFailure } from './failure.js';
import { nearWord } from './near-word.js';
import { printable } from './output/table.js';
import { standardInput, type World } from './world.js';

/** What yargs answers for a shell that completes words; the words of the line come behind it. */
const completionFlag = '--get-yargs-completions';

interface Parser {
  readonly name: string;
  readonly usage: string;
  readonly commands: readonly LazyCommand[];
  readonly argv: readonly string[];
  /** The first word may be a device. */
  readonly isTop: boolean;
}

/** Runs one command. Never throws: what goes wrong is told on the error output, in one line and what to do next. */
export async function run(argv: readonly string[], world: World): Promise<EndCode> {
  const host: Host = { world, exitCode: exitCodes.ok, atEnd: [] };
  try {
    const given = parserOf(argv);
    const args = withStandardInput(given.argv);
    const loaded = await loadCommands(given.commands, args);
    await parserFor(host, { ...given, argv: args }, loaded).parseAsync(args, {}, (_error, _flags, text) => {
      if (text !== '') world.writeOut(`${text}\n`);
    });
    return host.exitCode;
  } catch (error) {
    return tell(error, world, argv.includes('--json'));
  } finally {
    await Promise.all(host.atEnd.map((end) => end()));
  }
}

/** yargs loses a dash that stands alone as a positional. What another program gets behind two dashes stays as it is. */
function withStandardInput(argv: readonly string[]): string[] {
  const dashes = argv.indexOf('--');
  return argv.map((arg, i) => (arg === '-' && (dashes < 0 || i < dashes) ? standardInput : arg));
}

const top = { name: 'gatehouse', usage: 'The command line of Gatehouse.', commands, isTop: true };
const words = new Set(['completion', ...commands.flatMap(wordsOf)]);
const deviceWords = new Set(deviceCommands('').flatMap(wordsOf));

/** `gatehouse keys list`, or `gatehouse edge-1 shell`: a first word that is no command is the name or id of a device. */
function parserOf(argv: readonly string[]): Parser {
  // Only here: of a secret or a policy, --version is which one.
  if (argv[0] === '--version') return { ...top, argv: ['version', ...argv.slice(1)] };
  if (argv[0] === completionFlag) return completionParser(argv);
  const call = splitDeviceCall(argv, words, deviceWords);
  if (call === undefined) {
    checkFirstWord(argv);
    return { ...top, argv };
  }
  return { ...deviceParser(call.device), argv: withDashes(call.argv) };
}

/** @throws Failure for what is neither a command nor said to a device */
function checkFirstWord(argv: readonly string[]): void {
  const at = wordAfter(argv, 0);
  const [first, next] = [argv[at], argv[wordAfter(argv, at + 1)]];
  if (first === undefined || words.has(first) || argv.includes('--help')) return;
  const command = nearWord(first, words);
  const forDevice = next === undefined ? undefined : nearWord(next, deviceWords);
  const meant = [...(command ? [command] : []), ...(forDevice ? [`${first} ${forDevice}`] : [])];
  const hint = meant.length > 0 ? `: did you mean ${meant.map((text) => `gatehouse ${text}`).join(', or ')}?` : '';
  throw usageFailure(
    `there is no command "${first}"${hint}`,
    'gatehouse --help; gatehouse DEVICE --help for a device that gatehouse devices list shows',
  );
}

function completionParser(argv: readonly string[]): Parser {
  const [flag = '', program = '', first = '', ...rest] = argv;
  const isDevice = rest.length > 0 && !words.has(first) && !first.startsWith('-');
  return isDevice ? { ...deviceParser(first), argv: [flag, program, ...rest] } : { ...top, argv };
}

const deviceParser = (device: string) => ({
  name: `gatehouse ${device}`,
  usage: `What is done on the device ${device}.`,
  commands: deviceCommands(device),
  isTop: false,
});

function parserFor(host: Host, { name, usage, argv, isTop }: Parser, known: readonly Command[]): Argv<GlobalFlags> {
  const parser = yargs([...argv])
    .scriptName(name)
    .usage(`$0 <command>\n\n${usage}${isTop ? ' gatehouse DEVICE --help tells what is done on one.' : ''}`)
    // Beyond yargs' own: `--no-x` and dotted names would only hide typing errors.
    .parserConfiguration({ 'boolean-negation': false, 'dot-notation': false, 'populate--': true })
    .options(globalOptions)
    .strict()
    .check((flags, options) => eachOnce(flags, options as never))
    .recommendCommands()
    .demandCommand(1, 'say what to do')
    .locale('en')
    .exitProcess(false)
    .wrap(100)
    .fail((message, error) => {
      const missing = missingArguments(message);
      if (missing) throw usageFailure(missing, `${name} ${commandWords(argv)} --help`);
      const text = onlyNear(message.replaceAll('\n', ' '), argv);
      throw error ?? usageFailure(text, 'gatehouse --help, or gatehouse <command> --help');
    });
  parser.version(false);
  withCompletion(parser, host, isTop);
  return known.reduce<Argv<GlobalFlags>>((all, add) => add(all, host), parser as unknown as Argv<GlobalFlags>);
}

/** What yargs says of positionals that are not there tells nobody what to do. */
function missingArguments(message: string | null): string | undefined {
  const [, given, needed] =
    /^Not enough non-option arguments: got (\d+), need at least (\d+)$/.exec(message ?? '') ?? [];
  return needed === undefined ? undefined : `something is missing: ${given} of ${needed} arguments are given`;
}

/** The words that say what to do, and not to what: no value is said again. */
function commandWords(argv: readonly string[]): string {
  const end = argv.findIndex((word) => !/^[a-z][a-z-]*$/.test(word));
  return argv.slice(0, Math.min(2, end < 0 ? argv.length : end)).join(' ');
}

/** yargs proposes whatever is three letters away: of a word with four, that is nearly any. */
function onlyNear(message: string, argv: readonly string[]): string {
  const proposed = /^Did you mean (.+)\?$/.exec(message)?.[1];
  if (proposed === undefined || argv.some((word) => nearWord(word, [proposed]))) return message;
  return `there is no command "${argv.filter((word) => !word.startsWith('-')).join(' ')}"`;
}

type Filter = (onCompleted: (error: Error | null, found: readonly string[]) => void) => void;

/** Words as yargs knows them, and where a device may stand the names of those that there are. */
function withCompletion(parser: Argv, host: Host, isTop: boolean): void {
  const complete = (
    current: string,
    { _: said }: { _: readonly unknown[] },
    filter: Filter,
    done: (all: string[]) => void,
  ) =>
    filter((_error, found) => {
      // The name of the program is among them, and the word that is being typed.
      if (!isTop || said.length > 2 || current.startsWith('-')) return done([...found]);
      const tools = toolsFor({ json: false, utc: false, url: undefined, ca: undefined }, host);
      const names = import('./device/device-names.js').then(({ knownDeviceNames }) => knownDeviceNames(tools));
      void names.then((all) => done([...found, ...all.filter((name) => name.startsWith(current))]));
    });
  parser.completion('completion', isTop ? 'Print a completion script for the shell' : false, complete as never);
}

/** Positionals that take all the rest: yargs knows of flags alone that they are lists. */
const variadic = new Set([
  ...['_', '--', 'question', 'index', 'files', 'names', 'words', 'targets', 'args', 'paths', 'refused'],
]);
/** Commands that run another program. */
const takesDashes = new Set(['run', 'exec', 'docker', 'ssh']);

interface KnownFlags {
  /** Those that may be given again, under each of their names. */
  readonly array: readonly string[];
}

/** yargs makes a list of a flag that is given twice: which was meant is not for us to guess. */
function eachOnce(flags: Readonly<Record<string, unknown>>, { array }: KnownFlags): true {
  const twice = Object.keys(flags).find(
    (name) => Array.isArray(flags[name]) && !array.includes(name) && !variadic.has(name),
  );
  if (twice !== undefined) throw usageFailure(`--${twice} is given more than once`);
  const { '--': behind, _: said } = flags as { '--'?: readonly unknown[]; _: readonly unknown[] };
  if (behind !== undefined && behind.length > 0 && !takesDashes.has(String(said[0])))
    throw usageFailure('nothing is taken behind two dashes');
  return true;
}

function tell(error: unknown, world: World, isJson: boolean): ExitCode {
  const failure = error instanceof Failure ? error : unexpected(error);
  const { message, next, exitCode } = failure;
  if (isJson) world.writeError(`${JSON.stringify({ error: message, ...(next && { next }), exitCode })}\n`);
  else world.writeError(`gatehouse: ${printable(message)}\n${next ? `  ${printable(next)}\n` : ''}`);
  return exitCode;
}

/** A file that cannot be written, a full disk; else a defect of ours, whose place helps whoever reports it. */
function unexpected(error: unknown): Failure {
  const { code, message, stack } = error as NodeJS.ErrnoException;
  const place = code === undefined ? stack?.split('\n')[1]?.trim() : undefined;
  return new Failure(exitCodes.unavailable, message ?? String(error), place, { cause: error });
}
