import { usageFailure } from '../failure.js';

export interface Rule {
  readonly enabled: boolean;
  readonly threshold: number;
  readonly windowSeconds: number;
  readonly quietSeconds: number;
}

/**
 * One rule as it is written on the command line: `KIND=off`, or `KIND=<threshold>/<window>/<quiet>` in seconds.
 *
 * @example parseRule('denied_principal=20/60/600')
 */
export function parseRule(text: string, before: Readonly<Record<string, Rule>>): readonly [kind: string, rule: Rule] {
  const [kind = '', value = ''] = text.split('=', 2);
  const known = before[kind];
  if (!known) throw usageFailure(`--rule "${text}": the kinds are ${Object.keys(before).join(', ')}`);
  if (value === 'off' || value === 'on') return [kind, { ...known, enabled: value === 'on' }];
  const [, threshold, window, quiet] = /^([1-9]\d{0,6})\/([1-9]\d{0,5})\/([1-9]\d{0,5})$/.exec(value) ?? [];
  if (threshold === undefined)
    throw usageFailure(`--rule "${text}" is neither KIND=off, KIND=on nor KIND=THRESHOLD/WINDOW/QUIET in seconds`);
  const numbers = { threshold: Number(threshold), windowSeconds: Number(window), quietSeconds: Number(quiet) };
  return [kind, { enabled: true, ...numbers }];
}
