import { policyJsonSchema } from '@gatehouse/policy-document';
import { defineCommand } from '../command.js';

export const showSchema = defineCommand({
  command: 'schema',
  describe: 'Print the JSON schema of policy files, for editors; needs no service',
  run: (_flags, { output }) => {
    output.json(policyJsonSchema);
    return undefined;
  },
});
