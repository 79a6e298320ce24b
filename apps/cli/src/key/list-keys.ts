import { defineCommand } from '../command.js';
import { formatReference } from '../reference.js';
import { allKeys, statusOf } from './keys.js';

const head = ['NAME', 'STATUS', 'ACTS AS', 'ROLES', 'KEY', 'CREATED', 'EXPIRES', 'LAST USED', 'ID'];

export const listKeys = defineCommand({
  command: 'list',
  describe: 'List every key of the tenant',
  run: async (_flags, tools) => {
    const { output } = tools;
    const keys = await allKeys(tools.client());
    if (output.isJson) output.json({ keys });
    else
      output.table(
        head,
        keys.map((key) => [
          key.name,
          statusOf(key, Date.now()),
          formatReference(key.principal),
          key.roles.join(','),
          `${key.displayPrefix}...`,
          output.time(key.createdAt),
          output.time(key.expiresAt),
          output.time(key.lastUsedAt),
          key.keyId,
        ]),
      );
    return undefined;
  },
});
