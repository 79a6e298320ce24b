import type { MatchedRule } from '@gatehouse/evaluator';
import { defineCommand, type Tools } from '../command.js';
import { usageFailure } from '../failure.js';
import { instantOf } from '../instant.js';
import type { Output } from '../output/output.js';
import { printable } from '../output/table.js';
import { formatReference, parseReference, parseResource, type Reference } from '../reference.js';

/** AuthZEN 1.0: a page of what was found. */
interface Page<T> {
  readonly page: { readonly next_token: string };
  readonly context?: { readonly evidence?: { readonly policy: string; readonly facts: string } };
  readonly results: readonly T[];
}

/** A rule that permits, the grant through which it does, and the events that made that. */
type Because = MatchedRule & {
  readonly scope?: string;
  readonly holder?: Reference;
  readonly events: readonly {
    readonly id: string;
    readonly type: string;
    readonly occurredAt: string;
    readonly actor: Reference;
  }[];
};

interface Found {
  readonly context?: { readonly because?: readonly Because[] };
}

const searchOptions = {
  why: { type: 'boolean', default: false, describe: 'The rules that permit it, and the events that made them so' },
  at: {
    type: 'string',
    requiresArg: true,
    describe: 'As it was then: RFC 3339, or a day, which begins at midnight UTC',
  },
} as const;

/** The context of a question about the past. */
export const contextAt = (at: string | undefined): { context?: { as_of: string } } =>
  at === undefined ? {} : { context: { as_of: instantOf('--at', at) } };

interface Asked<T> {
  readonly kind: 'subject' | 'resource' | 'action';
  readonly question: object;
  readonly at: string | undefined;
  readonly why: boolean;
  readonly nameOf: (found: T) => string;
}

const members = { subject: 'subjects', resource: 'resources', action: 'actions' } as const;

/** Asks, prints, and gives how many were found. */
async function answer<T>(tools: Tools, { kind, question, at, why, nameOf }: Asked<T>): Promise<number> {
  const { context } = contextAt(at);
  const asked = why
    ? { ...question, context: { ...context, explain: true } }
    : { ...question, ...(context && { context }) };
  const { results, evidence } = await search<T & Found>(tools, kind, asked);
  const { output } = tools;
  if (output.isJson) output.json({ [members[kind]]: results, evidence });
  else if (why) printWhy(results, nameOf, output);
  else for (const one of results) output.line(printable(nameOf(one)));
  return results.length;
}

function printWhy<T extends Found>(results: readonly T[], nameOf: (found: T) => string, output: Output): void {
  output.table(
    ['FOUND', 'BY', 'ON', 'EVENT', 'WHEN', 'WHO', 'EVENT ID'],
    results.flatMap((one) => rows(one, nameOf(one), output)),
  );
}

const rows = ({ context: { because = [] } = {} }: Found, name: string, output: Output): string[][] =>
  because.flatMap((match) => {
    const rule = 'policy' in match ? `rule ${match.policy}` : `role ${match.role}`;
    const by = match.holder ? `${rule} of ${formatReference(match.holder)}` : rule;
    return match.events.map(({ id, type, occurredAt, actor }) => [
      name,
      by,
      match.scope ?? '',
      type,
      output.time(occurredAt),
      formatReference(actor),
      id,
    ]);
  });

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
      .options(searchOptions)
      .example('$0 policy who-can secret.read secret/prod/DATABASE_URL --at 2026-11-01', ''),
  run: async ({ action, resource, type, at, why }, tools) => {
    const question = { subject: { type }, action: { name: action }, resource: parseResource(resource) };
    const count = await answer(tools, { kind: 'subject', question, at, why, nameOf: formatReference });
    tools.output.note(`${count} of type ${type} may ${action} on ${resource}`);
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
      .options(searchOptions)
      .example('$0 policy what-can user/u_7 secret.read --type secret', '')
      .example('$0 policy what-can user/u_7 --on project/app-web', ''),
  run: async ({ subject, action, type, on, at, why }, tools) => {
    const who = parseReference(subject, 'subject');
    if (on !== undefined && action === undefined) {
      const asked = { subject: who, resource: parseResource(on) };
      const nameOf = ({ name }: { readonly name: string }) => name;
      tools.output.note(`${await answer(tools, { kind: 'action', question: asked, at, why, nameOf })} actions`);
      return undefined;
    }
    if (action === undefined || type === undefined || on !== undefined)
      throw usageFailure('say an action and --type, or --on and a resource');
    const question = { subject: who, action: { name: action }, resource: { type } };
    const count = await answer(tools, { kind: 'resource', question, at, why, nameOf: formatReference });
    tools.output.note(`${count} of type ${type}`);
    return undefined;
  },
});
