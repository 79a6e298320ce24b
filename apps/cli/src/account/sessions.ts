import { defineCommand } from '../command.js';
import { usageFailure } from '../failure.js';

interface Session {
  readonly id: string;
  readonly current: boolean;
  readonly methods: readonly string[];
  readonly client_id: string | null;
  readonly started_at: string;
  readonly last_used_at: string;
  readonly ip: string | null;
  readonly user_agent: string | null;
}

const path = '/api/v1/auth/sessions';
const head = ['STARTED', 'LAST USED', 'BY', 'FROM', 'WITH', 'ID'];

export const listSessions = defineCommand({
  command: 'list',
  describe: 'List your open sign-ins, newest first',
  run: async (_flags, tools) => {
    const { output } = tools;
    const { sessions } = await tools.client().get<{ sessions: readonly Session[] }>(path);
    if (output.isJson) output.json({ sessions });
    else
      output.table(
        head,
        sessions.map((session) => [
          output.time(session.started_at),
          output.time(session.last_used_at),
          session.methods.join(','),
          session.ip ?? '',
          session.client_id ?? session.user_agent ?? '',
          session.current ? `${session.id} (this one)` : session.id,
        ]),
      );
    return undefined;
  },
});

export const revokeSessions = defineCommand({
  command: 'revoke [id]',
  describe: 'End one of your sign-ins, or all others',
  options: (parser) =>
    parser
      .positional('id', { type: 'string', describe: 'Id of the sign-in' })
      .option('others', { type: 'boolean', describe: 'End all but this one' })
      .conflicts('others', 'id'),
  run: async ({ id, others }, tools) => {
    if (id === undefined && others !== true) throw usageFailure('say which: the id of a sign-in, or --others');
    const client = tools.client();
    if (id === undefined) {
      const { ended } = await client.delete<{ ended: number }>(path);
      tools.output.note(`${ended} ended.`);
    } else {
      await client.delete(`${path}/${encodeURIComponent(id)}`);
      tools.output.note('Ended.');
    }
    return undefined;
  },
});

export const signInCommands = [listSessions, revokeSessions];
