import { defineCommand } from '../command.js';
import { exitCodes, Failure } from '../failure.js';
import { follow, type Job, privacyPath } from './jobs.js';

interface Erasure extends Job {
  readonly erasureId: string;
  readonly dueAt: string;
  readonly certificate?: { readonly destroyed: Readonly<Record<string, number>> };
}

export const erasePerson = defineCommand({
  command: 'erase',
  describe: 'Erase a person for ever; the certificate is the answer',
  options: (parser) =>
    parser
      .option('user', { type: 'string', demandOption: true, requiresArg: true, describe: 'Id of the person' })
      .option('confirm', { type: 'string', demandOption: true, requiresArg: true, describe: 'The id again' })
      .example('$0 privacy erase --user ID --confirm ID', ''),
  run: async ({ user, confirm }, tools) => {
    const { output } = tools;
    const path = `${privacyPath}/erasures`;
    const asked = await tools.client().post<Erasure>(path, { userId: user, confirm });
    const waitsUntil = Date.parse(asked.dueAt);
    if (waitsUntil > Date.now() + 60_000) {
      output.note(`It begins ${output.time(asked.dueAt)}, and can be cancelled until then.`);
      output.json(asked);
      return undefined;
    }
    const job = await follow<Erasure>(tools, `${path}/${asked.erasureId}`);
    if (job.status !== 'done')
      throw new Failure(exitCodes.negative, `the erasure ended as ${job.status} (${job.problem ?? 'no reason given'})`);
    // Worth keeping outside of the installation: a restored backup does not know of it.
    output.json(job);
    return undefined;
  },
});
