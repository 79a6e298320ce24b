import type { PolicyDocument } from '@gatehouse/evaluator';
import { error, type Finding, warning } from '../finding.js';
import type { WrittenFile } from '../schema/file.js';
import type { Written, WrittenRule } from '../schema/rule.js';

type PolicyRule = NonNullable<PolicyDocument['rules']>[number];

/** A rule of the model, and which members of the written one its members came from. */
interface Made {
  readonly rule: PolicyRule;
  readonly from?: Readonly<Record<string, string>>;
  /** Of each action the one it was made from. */
  readonly actions?: readonly number[];
}

export interface Normalised {
  readonly document: PolicyDocument;
  readonly findings: readonly Finding[];
  /** Where a path of the document stands in what was written. */
  readonly written: (path: string) => string;
}

/** The model's form of what somebody wrote in any dialect. */
export function normalise(file: WrittenFile): Normalised {
  const findings: Finding[] = [];
  const origins: { index: number; from: Readonly<Record<string, string>>; actions?: readonly number[] }[] = [];
  const rules = file.rules?.flatMap((written, index) =>
    made(written, `rules.${index}`, findings).map(({ rule, from = {}, actions }) => {
      origins.push({ index, from, ...(actions && { actions }) });
      return rule;
    }),
  );
  const document = {
    ...(file.roles && { roles: file.roles }),
    ...(rules && { rules }),
    ...(file.record && { record: file.record }),
  } as PolicyDocument;
  const written = (path: string): string => {
    const [, at, member, rest = ''] = /^rules\.(\d+)(?:\.([^.]+)(.*))?$/s.exec(path) ?? [];
    const origin = at === undefined ? undefined : origins[Number(at)];
    if (!origin) return path;
    const action = member === 'actions' ? origin.actions?.[Number(rest.slice(1) || Number.NaN)] : undefined;
    if (action !== undefined) return `rules.${origin.index}.actions.${action}`;
    return `rules.${origin.index}${member === undefined ? '' : `.${origin.from[member] ?? member}${rest}`}`;
  };
  return { document, findings, written };
}

function made(rule: WrittenRule, path: string, findings: Finding[]): readonly Made[] {
  switch (rule.type) {
    case 'selector':
      return [selector(rule)];
    case 'access':
      return accessRules(rule, path, findings);
    case 'rate_limit':
      return rateLimit(rule, path, findings);
    default:
      return [{ rule: rule as PolicyRule }];
  }
}

const verbs = new Set(['read', 'write', 'delete']);

/** `read` of a selector is every action that ends so, and the action that is called so. */
function selector(rule: Written<'selector'>): Made {
  if (!rule.actions) return { rule: rule as PolicyRule };
  const origins = new Map<string, number>();
  for (const [i, action] of rule.actions.entries()) {
    for (const meant of verbs.has(action) ? [`*.${action}`, action] : [action])
      if (!origins.has(meant)) origins.set(meant, i);
  }
  return { rule: { ...rule, actions: [...origins.keys()] } as PolicyRule, actions: [...origins.values()] };
}

function accessRules(written: Written<'access'>, path: string, findings: Finding[]): readonly Made[] {
  const { mode, patterns, allowed_users: allowed, denied_users: denied, ...rest } = written;
  const isDialect = allowed !== undefined || denied !== undefined;
  if (isDialect && (mode !== undefined || patterns !== undefined)) {
    findings.push(error('mixed_dialects', path, 'has either mode and patterns, or allowed_users and denied_users'));
    return [];
  }
  if (!isDialect) {
    if (mode === undefined) findings.push(error('member_missing', `${path}.mode`, 'is missing: allow or deny'));
    if (patterns === undefined) findings.push(error('member_missing', `${path}.patterns`, 'is missing'));
    return mode && patterns ? [{ rule: { ...rest, mode, patterns } as PolicyRule }] : [];
  }
  const lists = [
    { mode: 'allow', suffix: 'allowed', member: 'allowed_users', patterns: allowed ?? [] },
    { mode: 'deny', suffix: 'denied', member: 'denied_users', patterns: denied ?? [] },
  ].filter((one) => one.patterns.length > 0);
  if (lists.length === 0) findings.push(error('contradiction', path, 'names nobody, in neither list'));
  // There it lets everybody else in; here nobody comes in whom nothing permits.
  else if (!allowed?.length)
    findings.push(warning('other_meaning', path, 'denies some and permits nobody: others need a permit of their own'));
  return lists.map(({ suffix, member, mode: kind, patterns: names }) => ({
    rule: { ...rest, id: `${rest.id}.${suffix}`, mode: kind, patterns: names } as PolicyRule,
    from: { mode: member, patterns: member },
  }));
}

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** `100/m`: digits of ASCII and nothing around them. */
export function parseRate(text: string): { count: number; seconds: number } | undefined {
  const [, count, unit = ''] = /^([0-9]{1,9})\/([smhd])$/.exec(text) ?? [];
  if (count === undefined || Number(count) === 0) return undefined;
  return { count: Number(count), seconds: units[unit] ?? 0 };
}

function rateLimit(written: Written<'rate_limit'>, path: string, findings: Finding[]): readonly Made[] {
  const { limit, rate, applied_to: _everybody, requests_per_period: count, period_seconds: seconds, ...rest } = written;
  const forms = [limit, rate, count ?? seconds].filter((form) => form !== undefined);
  const scope = rest.scope ?? 'per_user';
  if (forms.length > 1) {
    findings.push(error('mixed_dialects', path, 'has one of limit, rate, or requests_per_period with period_seconds'));
    return [];
  }
  if (forms.length === 0 || ((limit ?? rate) === undefined && (count === undefined || seconds === undefined))) {
    findings.push(error('member_missing', path, 'needs requests_per_period and period_seconds, or limit'));
    return [];
  }
  const text = limit ?? rate;
  if (text === undefined)
    return [{ rule: { ...rest, scope, requests_per_period: count, period_seconds: seconds } as PolicyRule }];
  const member = limit === undefined ? 'rate' : 'limit';
  const parsed = parseRate(text);
  if (!parsed) {
    findings.push(error('value_wrong', `${path}.${member}`, 'must be N/s, N/m, N/h or N/d with N from 1'));
    return [];
  }
  return [
    {
      rule: { ...rest, scope, requests_per_period: parsed.count, period_seconds: parsed.seconds } as PolicyRule,
      from: { requests_per_period: member, period_seconds: member },
    },
  ];
}
