import { defineCommand, type Tools } from '../command.js';
import { findBaseFolder } from '../settings/folder.js';
import {
  activeProfile,
  addProfile,
  defaultProfile,
  listProfiles,
  removeProfile,
  renameProfile,
  useProfile,
} from '../settings/profiles.js';

const baseOf = ({ world }: Tools): string => findBaseFolder(world).path;
const nameOption = { type: 'string', demandOption: true, describe: 'Name of the profile' } as const;

function tell({ output }: Tools, json: object, text: string): undefined {
  if (output.isJson) output.json(json);
  else output.line(text);
  return undefined;
}

/** Several accounts: m87's words. GATEHOUSE_PROFILE chooses one for a single call. */
export const profileCommands = [
  defineCommand({
    command: 'list',
    describe: 'List the profiles; a star marks the one that counts',
    run: (_flags, tools) => {
      const { name: active = defaultProfile } = activeProfile(baseOf(tools), tools.world.env);
      const names = listProfiles(baseOf(tools));
      const marked = names.map((name) => `${name === active ? '*' : ' '} ${name}`).join('\n');
      return tell(tools, { active, profiles: names }, marked);
    },
  }),
  defineCommand({
    command: 'current',
    describe: 'Show which profile counts, and why',
    run: (_flags, tools) => {
      const { name = defaultProfile, from } = activeProfile(baseOf(tools), tools.world.env);
      if (!tools.output.isJson) tools.output.note(`from ${from}`);
      return tell(tools, { profile: name, from }, name);
    },
  }),
  defineCommand({
    command: 'add <name>',
    describe: 'Add a profile without any settings; gatehouse login fills it',
    options: (parser) => parser.positional('name', nameOption),
    run: ({ name }, tools) => {
      const folder = addProfile(baseOf(tools), name);
      return tell(tools, { profile: name, folder }, `${name} is in ${folder}`);
    },
  }),
  defineCommand({
    command: 'use <name>',
    describe: 'Let a profile count from now on',
    options: (parser) => parser.positional('name', nameOption),
    run: ({ name }, tools) => {
      useProfile(baseOf(tools), name);
      return tell(tools, { profile: name }, `${name} counts from now on`);
    },
  }),
  defineCommand({
    command: 'remove <name>',
    describe: 'Remove a profile and the credentials in it; a key in it still works until it is disabled',
    options: (parser) => parser.positional('name', nameOption),
    run: ({ name }, tools) => {
      removeProfile(baseOf(tools), name);
      return tell(tools, { profile: name, removed: true }, `${name} is removed`);
    },
  }),
  defineCommand({
    command: 'rename <name> <to>',
    describe: 'Give a profile another name',
    options: (parser) => parser.positional('name', nameOption).positional('to', nameOption),
    run: ({ name, to }, tools) => {
      renameProfile(baseOf(tools), name, to);
      return tell(tools, { profile: to, before: name }, `${name} is ${to} now`);
    },
  }),
];
