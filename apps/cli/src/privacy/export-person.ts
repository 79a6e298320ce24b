import { defineCommand } from '../command.js';
import { exitCodes, Failure } from '../failure.js';
import { follow, type Job, privacyPath } from './jobs.js';

interface Export extends Job {
  readonly exportId: string;
  readonly bytes?: number;
}

export const exportPerson = defineCommand({
  command: 'export',
  describe: 'Everything that is held on a person, as a zip file',
  options: (parser) =>
    parser
      .option('user', { type: 'string', requiresArg: true, describe: 'Id of the person; without it, yourself' })
      .option('out', { type: 'string', demandOption: true, requiresArg: true, describe: 'File to write' })
      .example('$0 privacy export --out me.zip', ''),
  run: async ({ user, out }, tools) => {
    const { output } = tools;
    const path = `${privacyPath}/exports`;
    const { exportId } = await tools.client().post<Export>(path, user === undefined ? {} : { userId: user });
    const job = await follow<Export>(tools, `${path}/${exportId}`);
    if (job.status !== 'ready')
      throw new Failure(exitCodes.negative, `the export ended as ${job.status} (${job.problem ?? 'no reason given'})`);
    await tools.client().download(`${path}/${exportId}/archive`, out);
    if (output.isJson) output.json({ exportId, file: out, bytes: job.bytes });
    else
      output.line(`${out}: ${job.progress.records} records, ${job.bytes} bytes. Keep it as you would keep the data.`);
    return undefined;
  },
});
