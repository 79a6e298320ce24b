import { defineCommand, type Tools } from '../command.js';
import { usageFailure } from '../failure.js';
import { printable } from '../output/table.js';
import { formatReference, parseReference, parseResource, type Reference } from '../reference.js';
import { instantOf } from './policy-api.js';

/** AuthZEN 1.0: a page of what was found. */
interface Page<T> {
  readonly page: { readonly next_token: string };
  readonly context?: { readonly evidence?: { readonly policy: string; readonly facts: string } };
  readonly results: readonly T[];
}

const atOption = {
  at: {
    type: 'string',
    requiresArg: true,
    describe: 'As it was then: RFC 3339, or a day, which begins at midnight UTC',
  },
} as const;

/** The context of a question about the past. */
export const contextAt = (at: string | undefined): { context?: { as_of: string } } =>
  at === undefined ? {} : { context: { as_of: instantOf('--at', at) } };

/** Every page of one search; the evidence is that of the first. */
async function search<T>({ client, output }: Tools, kind: string, question: object) {
  const results: T[] = [];
  let token = '';
  let evidence: { policy: string; facts: string } | undefined;
  do {
    const body = { ...question, page: { limit: 1_000, ...(token && { token }) } };
    const answer = await client().post<Page<T>>(`/access/v1/search/${kind}`, body);
    results.push(...answer.results);
    evidence ??= answer.context?.evidence;
    token = answer.page.next_token;
    if (token !== '') output.note(`${results.length} so far`);
  } while (token !== '');
  return { results, evidence };
}

export const whoCan = defineCommand({
  command: 'who-can <action> <resource>',
  describe: 'List the subjects that may do something, now or at a moment of the past',
  options: (parser) =>
    parser
      .positional('action', { type: 'string', demandOption: true })
      .positional('resource', { type: 'string', demandOption: true, describe: 'type/id or a scope word' })
      .option('type', { type: 'string', default: 'user', requiresArg: true, describe: 'Of the subjects' })
      .options(atOption)
      .example('$0 policy who-can secret.read secret/prod/DATABASE_URL --at 2026-11-01', ''),
  run: async ({ action, resource, type, at }, tools) => {
    const question = {
      subject: { type },
      action: { name: action },
      resource: parseResource(resource),
      ...contextAt(at),
    };
    const { results, evidence } = await search<Reference>(tools, 'subject', question);
    if (tools.output.isJson)
      tools.output.json({ subjects: results.map(({ type: of, id }) => ({ type: of, id })), evidence });
    else for (const found of results) tools.output.line(printable(formatReference(found)));
    tools.output.note(`${results.length} of type ${type} may ${action} on ${resource}`);
    return undefined;
  },
});

export const whatCan = defineCommand({
  command: 'what-can <subject> [action]',
  describe: 'List the resources on which a subject may do an action, or with --on what it may do there',
  options: (parser) =>
    parser
      .positional('subject', { type: 'string', demandOption: true, describe: 'type/id, such as user/u_7' })
      .positional('action', { type: 'string', describe: 'With --type' })
      .option('type', { type: 'string', requiresArg: true, describe: 'Of the resources' })
      .option('on', { type: 'string', requiresArg: true, describe: 'A resource: which actions are permitted on it' })
      .options(atOption)
      .example('$0 policy what-can user/u_7 secret.read --type secret', '')
      .example('$0 policy what-can user/u_7 --on project/app-web', ''),
  run: async ({ subject, action, type, on, at }, tools) => {
    const who = parseReference(subject, 'subject');
    if (on !== undefined && action === undefined) return whatOn(who, on, at, tools);
    if (action === undefined || type === undefined || on !== undefined)
      throw usageFailure('say an action and --type, or --on and a resource');
    const question = { subject: who, action: { name: action }, resource: { type }, ...contextAt(at) };
    const { results, evidence } = await search<Reference>(tools, 'resource', question);
    if (tools.output.isJson)
      tools.output.json({ resources: results.map(({ type: of, id }) => ({ type: of, id })), evidence });
    else for (const found of results) tools.output.line(printable(formatReference(found)));
    tools.output.note(`${results.length} of type ${type}`);
    return undefined;
  },
});

async function whatOn(subject: Reference, on: string, at: string | undefined, tools: Tools): Promise<undefined> {
  const question = { subject, resource: parseResource(on), ...contextAt(at) };
  const { results, evidence } = await search<{ name: string }>(tools, 'action', question);
  if (tools.output.isJson) tools.output.json({ actions: results.map(({ name }) => name), evidence });
  else for (const { name } of results) tools.output.line(printable(name));
  tools.output.note(`${results.length} actions`);
}
