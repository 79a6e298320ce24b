import { defineCommand } from '../command.js';

export const mintToken = defineCommand({
  command: 'token',
  describe: 'Get a token of 60 seconds for one service; it alone is the answer',
  options: (parser) =>
    parser
      .option('audience', { type: 'string', demandOption: true, requiresArg: true, describe: 'Name of the service' })
      .example('curl -H "Authorization: Bearer $($0 token --audience billing)" https://billing.example', ''),
  run: async ({ audience }, { client, output }) => {
    const minted = await client().get<{ target_token: string; expires_in: number }>('/api/v1/token', { aud: audience });
    if (output.isJson) output.json(minted);
    else output.line(minted.target_token);
    return undefined;
  },
});
