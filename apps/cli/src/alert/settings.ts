import { defineCommand } from '../command.js';
import { alertsPath } from './alerts.js';
import { parseRule, type Rule } from './rules.js';

interface Settings {
  readonly rules: Readonly<Record<string, Rule & { readonly title: string }>>;
  readonly learningDays: number;
  readonly notifyResolved: boolean;
}

const path = `${alertsPath}/settings`;

export const alertSettings = defineCommand({
  command: 'settings',
  describe: 'Show when alerts are raised, or change it',
  options: (parser) =>
    parser
      .option('rule', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: 'KIND=off, KIND=on or KIND=THRESHOLD/WINDOW/QUIET in seconds (repeatable)',
      })
      .option('learning-days', { type: 'number', requiresArg: true, describe: 'Days in which new places are learnt' })
      .option('tell-end', { choices: ['yes', 'no'] as const, describe: 'Whether channels hear of the end, too' })
      .example('$0 alerts settings --rule denied_principal=50/60/600 --rule new_network=off', ''),
  run: async ({ rule = [], 'learning-days': learningDays, 'tell-end': tellEnd }, { client, output }) => {
    const before = await client().get<Settings>(path);
    const isChange = rule.length > 0 || learningDays !== undefined || tellEnd !== undefined;
    const rules = Object.fromEntries(
      Object.entries(before.rules).map(([kind, { title: _, ...plain }]) => [kind, plain]),
    );
    const changes = rule.map((text) => parseRule(text, rules));
    const after = !isChange
      ? before
      : await client().put<Settings>(path, {
          rules: { ...rules, ...Object.fromEntries(changes) },
          learningDays: learningDays ?? before.learningDays,
          notifyResolved: tellEnd === undefined ? before.notifyResolved : tellEnd === 'yes',
        });
    if (output.isJson) {
      output.json(after);
      return undefined;
    }
    output.table(
      ['KIND', 'RAISED', 'THRESHOLD', 'WINDOW', 'QUIET', 'WHAT'],
      Object.entries(after.rules).map(([kind, { enabled, threshold, windowSeconds, quietSeconds, title }]) => [
        ...[kind, enabled ? 'yes' : 'no', String(threshold), `${windowSeconds} s`, `${quietSeconds} s`, title],
      ]),
    );
    output.facts([
      ['new places are learnt for', `${after.learningDays} days`],
      ['the end of an incident is told', after.notifyResolved ? 'yes' : 'no'],
    ]);
    return undefined;
  },
});
