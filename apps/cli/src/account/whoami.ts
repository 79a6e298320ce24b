import type { Client } from '../client.js';
import { defineCommand } from '../command.js';
import { formatReference, type Reference } from '../reference.js';

export interface Caller extends Reference {
  readonly tenantId: string;
  readonly keyId?: string;
}

export const readCaller = (client: Client): Promise<Caller> => client.get<Caller>('/api/v1/identity/me');

export const whoami = defineCommand({
  command: 'whoami',
  describe: 'Show whom the key speaks for',
  run: async (_flags, tools) => {
    const caller = await readCaller(tools.client());
    if (tools.output.isJson) tools.output.json(caller);
    else
      tools.output.facts([
        ['caller', formatReference(caller)],
        ['tenant', caller.tenantId],
        ['key id', caller.keyId],
        ['address', tools.settings().url.value],
      ]);
    return undefined;
  },
});
