import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { PolicyDocument } from '@gatehouse/evaluator';
import { defineCommand } from '../command.js';
import { usageFailure } from '../failure.js';
import { formatReference, type Reference } from '../reference.js';
import { printReplay, type Replay, simulated } from './simulations.js';

interface Tightened {
  readonly from: string;
  readonly to: string;
  readonly grants: {
    readonly total: number;
    readonly listed: readonly {
      readonly grantId: string;
      readonly subject: Reference;
      readonly role: string;
      readonly scope: string;
      readonly grantedAt: string;
    }[];
  };
  readonly unusedRules: readonly string[];
  readonly unusedRoleRules: readonly string[];
  readonly document?: PolicyDocument;
  readonly replay: Replay;
}

export const tightenPolicy = defineCommand({
  command: 'tighten',
  describe: 'Show what nobody used: grants and rules, and a policy without them',
  options: (parser) =>
    parser
      .option('days', { type: 'number', requiresArg: true, default: 90, describe: 'How far to look back' })
      .option('out', {
        type: 'string',
        requiresArg: true,
        describe: 'File for the policy without unused rules, as JSON',
      }),
  run: async ({ days, out }, tools) => {
    if (!Number.isInteger(days) || days < 1) throw usageFailure('--days is a whole number from 1');
    const { output, world } = tools;
    const found = await simulated<Tightened>('tighten', { days }, tools);
    if (out !== undefined && found.document) {
      writeFileSync(resolve(world.cwd, out), `${JSON.stringify(found.document, null, 2)}\n`);
      output.note(`${out} has the policy without them: gatehouse policy diff -f ${out}`);
    }
    if (output.isJson) {
      output.json(found);
      return undefined;
    }
    const { grants, unusedRules, unusedRoleRules, replay } = found;
    output.facts([
      ['looked at', `${output.time(found.from)} to ${output.time(found.to)}`],
      ['unused grants', String(grants.total)],
      ['unused rules', [...unusedRules, ...unusedRoleRules].join(', ') || 'none'],
    ]);
    if (grants.listed.length > 0)
      output.table(
        ['SUBJECT', 'ROLE', 'SCOPE', 'GRANTED', 'GRANT'],
        grants.listed.map((grant) => [
          formatReference(grant.subject),
          grant.role,
          grant.scope,
          output.time(grant.grantedAt),
          grant.grantId,
        ]),
      );
    output.note('without these grants and rules, of the decisions of that time:');
    printReplay(replay, 10, output);
    return undefined;
  },
});
