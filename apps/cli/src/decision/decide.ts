import { defineCommand, type Tools } from '../command.js';
import { exitCodes, usageFailure } from '../failure.js';
import { formatReference, parseReference, parseResource, type Reference } from '../reference.js';

export interface Question {
  readonly action: string;
  /** Undefined: the tenant itself. */
  readonly resource?: Reference;
}

/** AuthZEN 1.0; an item of a batch that could not be read has an error for an answer. */
interface Decision {
  readonly decision: boolean;
  readonly context: {
    readonly id?: string;
    readonly reason?: string;
    /** Of a tenant that only audits: the answer is yes, and the policy says no. */
    readonly mode?: string;
    readonly error?: { readonly message: string };
  };
}

/**
 * `action:resource`. An action holds no colon, a resource may.
 *
 * @example parseQuestion('deploy.preview:project/app-web')
 * // { action: 'deploy.preview', resource: { type: 'project', id: 'app-web' } }
 */
export function parseQuestion(text: string): Question {
  const colon = text.indexOf(':');
  const action = colon < 0 ? text : text.slice(0, colon);
  if (action === '' || /[\s/]/.test(action))
    throw usageFailure(`"${text}" is not action:resource, such as deploy.preview:project/app-web`);
  return colon < 0 ? { action } : { action, resource: parseResource(text.slice(colon + 1)) };
}

export const decide = defineCommand({
  command: 'decide <subject> <question..>',
  describe: 'Ask whether a subject may do something; every answer is recorded',
  options: (parser) =>
    parser
      .positional('subject', { type: 'string', demandOption: true, describe: 'type/id, such as service/ci' })
      .positional('question', { type: 'string', array: true, demandOption: true, describe: 'action:resource' })
      .option('check', { type: 'boolean', default: false, describe: 'Exit with 1 if any answer is deny' })
      .example('$0 decide service/ci deploy.preview:project/app-web deploy.production:project/app-web', ''),
  run: async ({ subject, question, check }, tools) => {
    const who = parseReference(subject, 'subject');
    const questions = await withResources(tools, question.map(parseQuestion));
    const decisions = await ask(tools, who, questions);
    print(tools, questions, decisions);
    return check && decisions.some(({ decision }) => !decision) ? exitCodes.negative : exitCodes.ok;
  },
});

type FullQuestion = Required<Question>;

async function withResources(tools: Tools, questions: readonly Question[]): Promise<FullQuestion[]> {
  const isComplete = questions.every(({ resource }) => resource !== undefined);
  const tenant = isComplete ? '' : (await tools.client().get<{ tenantId: string }>('/api/v1/identity/me')).tenantId;
  return questions.map(({ action, resource = { type: 'tenant', id: tenant } }) => ({ action, resource }));
}

async function ask(tools: Tools, subject: Reference, questions: readonly FullQuestion[]): Promise<readonly Decision[]> {
  const items = questions.map(({ action, resource }) => ({ action: { name: action }, resource }));
  const client = tools.client();
  if (items.length === 1) return [await client.post<Decision>('/access/v1/evaluation', { subject, ...items[0] })];
  const body = { subject, evaluations: items };
  return (await client.post<{ evaluations: Decision[] }>('/access/v1/evaluations', body)).evaluations;
}

function print({ output }: Tools, questions: readonly FullQuestion[], decisions: readonly Decision[]): void {
  const rows = questions.map(({ action, resource }, i) => ({
    action,
    resource: formatReference(resource),
    decision: decisions[i]?.decision === true,
    ...decisions[i]?.context,
  }));
  if (output.isJson) output.json(rows.length === 1 ? { ...rows[0] } : { decisions: rows });
  else
    output.table(
      ['DECISION', 'ACTION', 'RESOURCE', 'REASON', 'DECISION ID'],
      rows.map(({ decision, action, resource, reason, mode, error, id }) => [
        decision ? 'allow' : 'deny',
        action,
        resource,
        mode ? `${mode}: ${reason}` : (reason ?? error?.message ?? ''),
        id ?? '',
      ]),
    );
}
