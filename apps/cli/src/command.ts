import type { Argv, InferredOptionTypes, Options } from 'yargs';
import { Client } from './client.js';
import type { Dial } from './device/dial/dial.js';
import type { RegistryDial } from './device/dial/registry-dial.js';
import { type ChildExitCode, type ExitCode, exitCodes } from './failure.js';
import { Output } from './output/output.js';
import { readSettings, type Settings } from './settings/settings.js';
import type { World } from './world.js';

export const globalOptions = {
  json: { type: 'boolean', default: false, describe: 'Answer in JSON', global: true },
  utc: { type: 'boolean', default: false, describe: 'Show times in UTC, not in local time', global: true },
  url: { type: 'string', describe: 'Address of Gatehouse (GATEHOUSE_URL)', global: true, requiresArg: true },
  ca: {
    type: 'string',
    describe: 'PEM file of the certificate authority to trust (GATEHOUSE_CA)',
    global: true,
    requiresArg: true,
  },
} as const satisfies Record<string, Options>;
/** `--`: what stands behind two dashes, as it is. */
export type GlobalFlags = InferredOptionTypes<typeof globalOptions> & { readonly '--'?: readonly string[] | undefined };

/** What a command works with. Settings and client are made when they are first asked for: `audit verify` needs neither. */
export interface Tools {
  readonly world: World;
  readonly output: Output;
  settings(): Settings;
  client(): Client;
  /** The way to a device, by its name or id. */
  dial(device: string): Dial;
}

/** How a command ended. */
export type EndCode = ExitCode | ChildExitCode;

export interface CommandSpec<F> {
  /** Word and positionals, as yargs writes them: `create <name>`. */
  readonly command: string;
  /** Other words for it. */
  readonly aliases?: readonly string[];
  readonly describe: string;
  readonly options?: (parser: Argv<GlobalFlags>) => Argv<F>;
  readonly run: (flags: F, tools: Tools) => Promise<EndCode | undefined> | EndCode | undefined;
}

/** Where the result of the command that ran is put. */
export interface Host {
  readonly world: World;
  exitCode: EndCode;
  /** What is still open when the command is over: connections that nobody else would end. */
  readonly atEnd: (() => Promise<void>)[];
}

/** A command that can be added to a parser; its flags' type stays inside. */
export interface Command {
  (parser: Argv<GlobalFlags>, host: Host): Argv<GlobalFlags>;
  /** What it is called by. */
  readonly words: readonly string[];
}

const named = (
  commands: readonly string[],
  add: (parser: Argv<GlobalFlags>, host: Host) => Argv<GlobalFlags>,
): Command => Object.assign(add, { words: commands.map((command) => command.split(' ')[0] ?? '') });

export function defineCommand<F extends GlobalFlags>(spec: CommandSpec<F>): Command {
  const { aliases = [] } = spec;
  return named([spec.command, ...aliases], (parser, host) =>
    parser.command<F>(
      [spec.command, ...aliases],
      spec.describe,
      (own) => (spec.options ? spec.options(own as Argv<GlobalFlags>) : own) as Argv<F>,
      async (flags) => {
        host.exitCode = (await spec.run(flags as unknown as F, toolsFor(flags, host))) ?? exitCodes.ok;
      },
    ),
  );
}

/** Several commands under one word. */
export function commandGroup(word: string, describe: string, commands: readonly Command[]): Command {
  return named([word], (parser, host) =>
    parser.command(word, describe, (own) => {
      for (const add of commands) add(own as Argv<GlobalFlags>, host);
      return own.demandCommand(1, `${word}: say what to do`);
    }),
  );
}

/** A command that is loaded when it is called: all of them together take a second. */
export interface LazyCommand {
  /** Word and positionals, and other words. */
  readonly command: readonly string[];
  readonly describe: string;
  readonly load: () => Promise<Command>;
}

/** Word, positionals and description are what the command says of itself. */
export const lazyCommand = (
  command: string | readonly string[],
  describe: string,
  load: LazyCommand['load'],
): LazyCommand => ({ command: [command].flat(), describe, load });

export const lazyGroup = (word: string, describe: string, load: () => Promise<readonly Command[]>): LazyCommand => ({
  command: [word],
  describe,
  load: async () => commandGroup(word, describe, await load()),
});

export const wordsOf = ({ command }: LazyCommand): string[] => command.map((each) => each.split(' ')[0] ?? '');

/**
 * Loads what the line may call: a command's word stands in it as it is. Of the others there is a name for the help.
 */
export const loadCommands = (known: readonly LazyCommand[], argv: readonly string[]): Promise<Command[]> =>
  Promise.all(
    known.map(async (lazy) => {
      const isSaid = wordsOf(lazy).some((word) => argv.includes(word));
      return isSaid ? lazy.load() : named(lazy.command, (parser) => parser.command([...lazy.command], lazy.describe));
    }),
  );

export function toolsFor(flags: GlobalFlags, { world, atEnd }: Host): Tools {
  let way: Promise<RegistryDial> | undefined;
  let settings: Settings | undefined;
  const openWay = async () => {
    const { RegistryDial } = await import('./device/dial/registry-dial.js');
    const made = new RegistryDial(tools);
    atEnd.push(() => made.close());
    return made;
  };
  const tools: Tools = {
    world,
    output: new Output(world, flags),
    settings: () => {
      settings ??= readSettings(flags, world);
      return settings;
    },
    client: () => {
      const known = tools.settings();
      if (known.trustInvalidCertificate)
        tools.output.note(
          'warning: certificates are not checked (GATEHOUSE_TRUST_INVALID_CERT): anybody may be listening',
        );
      return new Client(known);
    },
    dial: (device) => {
      if (world.dial) return world.dial(device);
      let dial: Promise<Dial> | undefined;
      return async (...request) => {
        way ??= openWay();
        dial ??= way.then((opened) => opened.to(device));
        return (await dial)(...request);
      };
    },
  };
  return tools;
}
