import { defineCommand } from '../command.js';
import { expiryOf } from '../key/create-key.js';
import { pathPositional, tellWritten } from './read-commands.js';
import { checkPathArgument, dataOf, membersOf, readValue } from './secret-input.js';
import { patchSecret as patch, writeSecret } from './secrets-api.js';

const inputOptions = {
  file: { type: 'string', requiresArg: true, describe: 'Take the value from a file; - is the standard input' },
  trim: { type: 'boolean', default: false, describe: 'Leave out the new line at the end' },
  cas: {
    type: 'number',
    requiresArg: true,
    describe: 'Only if this is the current version; 0: only if there is no such secret',
  },
} as const;
/** Takes what somebody gives as a value, so that it is refused by a text that says why, and not repeated. */
const refusedPositional = { type: 'string', array: true, hidden: true, default: [] as string[] } as const;

export const putSecret = defineCommand({
  command: 'put <path> [refused..]',
  describe: 'Write a new version; the value comes from the standard input, a file, or is typed unseen',
  options: (parser) =>
    parser
      .positional('path', pathPositional)
      .positional('refused', refusedPositional)
      .options(inputOptions)
      .option('members', { type: 'boolean', default: false, describe: 'What is given is a JSON object of members' })
      .option('expires', { type: 'string', requiresArg: true, describe: '90d, 12h or 2027-01-31T00:00:00Z' })
      .example('openssl rand -base64 32 | $0 secrets put production/SESSION_KEY --trim', ''),
  run: async ({ path, refused, file, trim, cas, members, expires }, tools) => {
    const at = checkPathArgument(path, refused);
    const bytes = await readValue(file, trim, tools);
    const data = members ? membersOf(bytes) : dataOf(bytes);
    const expiresAt = expires === undefined ? undefined : expiryOf(expires, Date.now());
    tellWritten(tools, await writeSecret(tools.client(), at, { data, cas, expiresAt }));
    return undefined;
  },
});

export const patchSecret = defineCommand({
  command: 'patch <path> [refused..]',
  describe: 'Change members of a secret: a JSON merge patch from the standard input or a file; null removes a member',
  options: (parser) =>
    parser.positional('path', pathPositional).positional('refused', refusedPositional).options(inputOptions),
  run: async ({ path, refused, file, cas }, tools) => {
    const at = checkPathArgument(path, refused);
    const data = membersOf(await readValue(file, true, tools));
    tellWritten(tools, await patch(tools.client(), at, { data, cas }));
    return undefined;
  },
});
