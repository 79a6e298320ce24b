import { type Command, defineCommand } from '../command.js';

interface Audience {
  readonly name: string;
  readonly active: boolean;
  readonly reason?: string;
  readonly access: string;
  readonly guests: boolean;
  readonly showsEmail: boolean;
  readonly createdAt: string;
}

const path = '/api/v1/identity/audiences';
const yesNo = (value: boolean): string => (value ? 'yes' : 'no');

const list = defineCommand({
  command: 'list',
  describe: "List the tenant's audiences",
  run: async (_flags, { client, output }) => {
    const audiences: Audience[] = [];
    let cursor: string | undefined;
    do {
      type Page = { audiences: Audience[]; nextCursor: string | null };
      const page = await client().get<Page>(path, { limit: 200, cursor });
      audiences.push(...page.audiences);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    if (output.isJson) output.json({ audiences });
    else
      output.table(
        ['NAME', 'STATUS', 'FOR', 'GUESTS', 'E-MAIL', 'CREATED'],
        audiences.map(({ name, active, access, guests, showsEmail, createdAt }) => [
          ...[name, active ? 'active' : 'inactive', access, yesNo(guests), yesNo(showsEmail), output.time(createdAt)],
        ]),
      );
    return undefined;
  },
});

const create = defineCommand({
  command: 'create <name>',
  describe: 'Name a service that takes short-lived tokens; names are unique in the installation',
  options: (parser) =>
    parser
      .positional('name', { type: 'string', demandOption: true })
      .option('anyone', { type: 'boolean', default: false, describe: 'For callers of other tenants, too' })
      .option('guests', { type: 'boolean', default: false, describe: 'For people nobody knows, too' })
      .option('shows-email', { type: 'boolean', default: false, describe: 'verify tells the address of a person' }),
  run: async ({ name, anyone, guests, 'shows-email': showsEmail }, { client, output }) => {
    const body = { name, access: anyone ? 'anyone' : 'tenant', guests, showsEmail };
    const made = await client().post<Audience>(path, body);
    if (output.isJson) output.json(made);
    else output.line(`${made.name} takes tokens`);
    return undefined;
  },
});

const switchTo = (verb: 'deactivate' | 'reactivate', describe: string): Command =>
  defineCommand({
    command: `${verb} <name>`,
    describe,
    options: (parser) => parser.positional('name', { type: 'string', demandOption: true }),
    run: async ({ name }, { client, output }) => {
      const changed = await client().post<Audience>(`${path}/${encodeURIComponent(name)}/${verb}`);
      if (output.isJson) output.json(changed);
      else output.line(`${changed.name} is ${changed.active ? 'active' : 'inactive'}`);
      return undefined;
    },
  });

export const audienceCommands: readonly Command[] = [
  list,
  create,
  switchTo('deactivate', 'Give no more tokens for an audience'),
  switchTo('reactivate', 'Give tokens for an audience again'),
];
