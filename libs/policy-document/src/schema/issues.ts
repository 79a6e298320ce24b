import type { z } from 'zod';
import { error, type Finding, type FindingCode } from '../finding.js';
import { documentLimits } from '../limits.js';
import { suggestion } from '../nearest.js';
import { toldMembers } from './parts.js';
import { ruleTypes } from './rule.js';

type Issue = z.core.$ZodIssue;

const typeWords: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
};

const codes: Readonly<Partial<Record<Issue['code'], FindingCode>>> = { too_big: 'too_many' };

const dotted = (path: readonly PropertyKey[]): string => path.map(String).join('.');

/** What zod has to say, as findings in our words: as many as are answered, since each is looked up in the text. */
export function findingsOf(issues: readonly Issue[], value: unknown): Finding[] {
  return issues.slice(0, documentLimits.findings).flatMap((issue) => fromIssue(issue, [], value));
}

function fromIssue(issue: Issue, above: readonly PropertyKey[], value: unknown): Finding[] {
  const path = [...above, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const messages = issue.message.split('\n');
    return issue.keys
      .slice(0, toldMembers)
      .map((name, i) => error('member_unknown', dotted([...path, name]), messages[i] ?? 'is not known here'));
  }
  if (issue.code === 'invalid_union') return fromUnion(issue, path, value);
  if (issue.code === 'invalid_key' || issue.code === 'invalid_element')
    return issue.issues.flatMap((inner) => fromIssue(inner, path, value));
  if (at(value, path) === undefined && issue.code !== 'custom')
    return [error('member_missing', dotted(path), 'is missing')];
  return [error(codes[issue.code] ?? 'value_wrong', dotted(path), messageOf(issue))];
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((in_, name) => (in_ as Record<PropertyKey, unknown> | undefined | null)?.[name], value);
}

/** Of the alternatives the one that was probably meant: of the right kind, and with the least that is wrong. */
function fromUnion(issue: z.core.$ZodIssueInvalidUnion, path: readonly PropertyKey[], value: unknown): Finding[] {
  const given = at(value, path);
  if (issue.errors.length === 0) return [wrongType(path, given)];
  const fits = issue.errors.filter(
    (branch) => !branch.some((inner) => inner.path.length === 0 && inner.code === 'invalid_type'),
  );
  const [best] = [...fits].sort((a, b) => a.length - b.length);
  if (best) return best.flatMap((inner) => fromIssue(inner, path, value));
  const kinds = issue.errors.flatMap((branch) =>
    branch.flatMap((inner) => (inner.code === 'invalid_type' ? [inner.expected] : [])),
  );
  return [
    error(
      given === undefined ? 'member_missing' : 'value_wrong',
      dotted(path),
      `must be ${[...new Set(kinds.map((kind) => typeWords[kind] ?? kind))].join(' or ')}`,
    ),
  ];
}

/** A union by `type`; the only one is that of rules. */
function wrongType(path: readonly PropertyKey[], given: unknown): Finding {
  const isPath = path.at(-1) === 'type';
  const type = isPath ? given : undefined;
  if (type === undefined) return error('member_missing', dotted(path), `must be one of ${ruleTypes.join(', ')}`);
  const near = typeof type === 'string' ? suggestion(type, ruleTypes) : '';
  return error('value_wrong', dotted(path), `must be one of ${ruleTypes.join(', ')}${near}`);
}

function messageOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${typeWords[issue.expected] ?? issue.expected}`;
    case 'too_big':
      return `must have at most ${issue.maximum}${issue.origin === 'string' ? ' characters' : ''}`;
    case 'too_small':
      return issue.origin === 'string' ? 'must not be empty' : `must be at least ${issue.minimum}`;
    case 'invalid_value':
      return issue.message.startsWith('must')
        ? issue.message
        : `must be ${issue.values.map((one) => JSON.stringify(one)).join(' or ')}`;
    default:
      return issue.message;
  }
}
