import type { MatchedRule, Obligation } from '@gatehouse/evaluator';
import { defineCommand } from '../command.js';
import { exitCodes } from '../failure.js';
import type { Output } from '../output/output.js';
import { parseReference, parseResource } from '../reference.js';
import { contextAt } from './search.js';

interface Answer {
  readonly decision: boolean;
  readonly context: {
    readonly id: string;
    readonly reason: string;
    readonly evidence: {
      readonly policy: string;
      readonly facts: string;
      readonly matched: readonly MatchedRule[];
      readonly needed?: readonly string[] | { readonly roles: readonly string[]; readonly rules: readonly string[] };
    };
    readonly obligations?: readonly Obligation[];
  };
}

export const explainDecision = defineCommand({
  command: 'explain <subject> <action> <resource>',
  describe: 'Decide one question and say why: what matched, by which grant, what would have been needed',
  options: (parser) =>
    parser
      .positional('subject', { type: 'string', demandOption: true, describe: 'type/id, such as user/u_7' })
      .positional('action', { type: 'string', demandOption: true })
      .positional('resource', { type: 'string', demandOption: true, describe: 'type/id or a scope word' })
      .option('at', { type: 'string', requiresArg: true, describe: 'As it was then: RFC 3339, or a day' })
      .option('check', { type: 'boolean', default: false, describe: 'Exit with 1 on a deny' }),
  run: async ({ subject, action, resource, at, check }, { client, output }) => {
    const question = {
      subject: parseReference(subject, 'subject'),
      action: { name: action },
      resource: parseResource(resource),
      ...contextAt(at),
    };
    const answer = await client().post<Answer>('/access/v1/evaluation', question);
    if (output.isJson) output.json(answer);
    else print(answer, output);
    return check && !answer.decision ? exitCodes.negative : exitCodes.ok;
  },
});

function print({ decision, context: { id, reason, evidence, obligations = [] } }: Answer, output: Output): void {
  const { needed } = evidence;
  const { roles, rules } =
    needed === undefined || 'roles' in needed ? (needed ?? { roles: [], rules: [] }) : { roles: needed, rules: [] };
  output.line(decision ? output.good('permit') : output.bad('deny'));
  output.facts([
    ['reason', reason],
    ['policy', evidence.policy],
    ['facts', evidence.facts],
    ['decision', id],
    ['needed roles', roles.join(', ')],
    ['needed rules', rules.join(', ')],
  ]);
  if (evidence.matched.length > 0)
    output.table(
      ['EFFECT', 'RULE', 'BY GRANT'],
      evidence.matched.map((match) =>
        'policy' in match
          ? [match.effect, match.policy, '']
          : [match.effect, `role ${match.role}, rule ${match.rule}`, match.grant],
      ),
    );
  if (obligations.length > 0)
    output.table(
      ['OBLIGATION', 'TYPE', 'PROPERTIES'],
      obligations.map(({ id: rule, type, properties }) => [rule, type, properties ? JSON.stringify(properties) : '']),
    );
}
