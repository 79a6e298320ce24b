import { type Client } from '../client.js';
import { type Command, defineCommand } from '../command.js';
import { exitCodes, Failure, usageFailure } from '../failure.js';
import { alertsPath } from './alerts.js';

interface Channel {
  readonly channelId: string;
  readonly type: string;
  readonly name: string;
  readonly host?: string;
  readonly userId?: string;
  readonly createdAt: string;
  readonly secret?: string;
}

const path = `${alertsPath}/channels`;
const all = async (client: Client): Promise<readonly Channel[]> =>
  (await client.get<{ channels: Channel[] }>(path)).channels;

/** By id or by name: a tenant has no two channels of one name. */
async function findChannel(client: Client, nameOrId: string): Promise<Channel> {
  const channel = (await all(client)).find(({ channelId, name }) => channelId === nameOrId || name === nameOrId);
  if (channel) return channel;
  throw new Failure(exitCodes.negative, `there is no channel "${nameOrId}"`, 'gatehouse alerts channels list');
}

const list = defineCommand({
  command: 'list',
  describe: 'List where alerts are sent',
  run: async (_flags, { client, output }) => {
    const channels = await all(client());
    if (output.isJson) output.json({ channels });
    else
      output.table(
        ['NAME', 'TYPE', 'TO', 'CREATED', 'ID'],
        channels.map(({ name, type, host, userId, createdAt, channelId }) => [
          ...[name, type, host ?? `user/${userId ?? ''}`, output.time(createdAt), channelId],
        ]),
      );
    return undefined;
  },
});

const add = defineCommand({
  command: 'add <name>',
  describe: 'Have alerts sent to a webhook or to a member; the secret of a webhook is shown once',
  options: (parser) =>
    parser
      .positional('name', { type: 'string', demandOption: true })
      .option('webhook', { type: 'string', requiresArg: true, describe: 'https address of a webhook' })
      .option('email', { type: 'string', requiresArg: true, describe: 'Address of a member of the tenant' }),
  run: async ({ name, webhook, email }, { client, output }) => {
    if ((webhook === undefined) === (email === undefined)) throw usageFailure('give either --webhook or --email');
    const body = webhook === undefined ? { type: 'email', name, email } : { type: 'webhook', name, url: webhook };
    const made = await client().post<Channel>(path, body);
    if (output.isJson) output.json(made);
    else output.line(made.secret ?? made.channelId);
    if (made.secret !== undefined) output.note('This is the only time the secret is shown: keep it now.');
    return undefined;
  },
});

const remove = defineCommand({
  command: 'remove <channel>',
  describe: 'Send no more alerts to a channel, by name or id',
  options: (parser) => parser.positional('channel', { type: 'string', demandOption: true }),
  run: async ({ channel }, { client, output }) => {
    const { channelId, name } = await findChannel(client(), channel);
    const removed = await client().delete<Channel>(`${path}/${channelId}`);
    if (output.isJson) output.json(removed);
    else output.line(`${name} gets no more alerts`);
    return undefined;
  },
});

const rotate = defineCommand({
  command: 'rotate-secret <channel>',
  describe: 'Make a new secret for a webhook; the earlier one signs along for a day',
  options: (parser) => parser.positional('channel', { type: 'string', demandOption: true }),
  run: async ({ channel }, { client, output }) => {
    const { channelId } = await findChannel(client(), channel);
    const made = await client().post<{ secret: string }>(`${path}/${channelId}/rotate-secret`);
    if (output.isJson) output.json(made);
    else output.line(made.secret);
    output.note('This is the only time the secret is shown: keep it now.');
    return undefined;
  },
});

interface Delivery {
  readonly deliveryId: string;
  readonly what: string;
  readonly status: string;
  readonly tries: number;
  readonly problem?: string;
  readonly createdAt: string;
}

const test = defineCommand({
  command: 'test <channel>',
  describe: 'Send a test message to a channel',
  options: (parser) => parser.positional('channel', { type: 'string', demandOption: true }),
  run: async ({ channel }, { client, output }) => {
    const { channelId } = await findChannel(client(), channel);
    const sent = await client().post<{ deliveryId: string }>(`${path}/${channelId}/test`);
    if (output.isJson) output.json(sent);
    else output.line(`On its way as ${sent.deliveryId}: gatehouse alerts channels deliveries shows what becomes of it`);
    return undefined;
  },
});

const deliveries = defineCommand({
  command: 'deliveries',
  describe: 'List messages about alerts, newest first',
  options: (parser) =>
    parser.option('status', { choices: ['waiting', 'sent', 'parked'] as const, describe: 'Only those in this state' }),
  run: async ({ status }, { client, output }) => {
    const page = await client().get<{ deliveries: Delivery[] }>(`${alertsPath}/deliveries`, { status, limit: 100 });
    if (output.isJson) output.json(page);
    else
      output.table(
        ['CREATED', 'WHAT', 'STATUS', 'TRIES', 'PROBLEM', 'ID'],
        page.deliveries.map(({ createdAt, what, status: state, tries, problem, deliveryId }) => [
          ...[output.time(createdAt), what, state, String(tries), problem ?? '', deliveryId],
        ]),
      );
    return undefined;
  },
});

export const channelCommands: readonly Command[] = [list, add, remove, rotate, test, deliveries];
