import type { Condition, PolicyDocument, PolicyRule, Rule } from '@gatehouse/evaluator';

/** Whether what stands at `path` is known from a record that kept these paths: itself, or what it lies in. */
export function isRecorded(recorded: readonly string[], path: string): boolean {
  return recorded.some((kept) => {
    if (kept.endsWith('.*')) return path.startsWith(kept.slice(0, -1));
    return path === kept || path.startsWith(`${kept}.`);
  });
}

export interface Bounds {
  /** Permits whatever the document might, were the unknown known. */
  readonly most: PolicyDocument;
  /** Permits only what the document would in any case. */
  readonly least: PolicyDocument;
}

type IsUnknown = (path: string) => boolean;

// In one place each, so that no condition grows deeper than it was.
const always: Condition = { 'subject.type': { exists: true } };
const never: Condition = { 'subject.type': { exists: false } };

/**
 * The document between two others that do not read what is unknown. Conditions grow truer when the tests in them do, those
 * below an odd number of `not` falser: so each test on the unknown is put where it does most, and where it does least.
 * Where both answer alike, the answer does not hang on what was not recorded.
 */
export const boundsOf = (document: PolicyDocument, isUnknown: IsUnknown): Bounds => ({
  most: bent(document, isUnknown, true),
  least: bent(document, isUnknown, false),
});

function bent(document: PolicyDocument, isUnknown: IsUnknown, towardsPermit: boolean): PolicyDocument {
  const bend = <T extends { readonly when?: Condition }>(rule: T, towards: boolean): T =>
    rule.when ? { ...rule, when: substituted(rule.when, isUnknown, towards) } : rule;
  const ofRole = (rule: Rule) => bend(rule, (rule.effect === 'permit') === towardsPermit);
  return {
    ...document,
    ...(document.roles && { roles: document.roles.map((role) => ({ ...role, rules: role.rules.map(ofRole) })) }),
    ...(document.rules && {
      rules: document.rules.map((rule) => ('when' in rule ? bend(rule, permits(rule) === towardsPermit) : rule)),
    }),
  };
}

/** Limits refuse; obligations change no answer. */
const permits = (rule: PolicyRule): boolean =>
  (rule.type === 'selector' && rule.effect === 'permit') || (rule.type === 'access' && rule.mode === 'allow');

function substituted(condition: Condition, isUnknown: IsUnknown, towards: boolean): Condition {
  const kept: [string, Condition[string]][] = [];
  for (const [key, value] of Object.entries(condition)) {
    if (value === undefined) continue;
    if (key === 'all' || key === 'any') {
      kept.push([key, (value as readonly Condition[]).map((one) => substituted(one, isUnknown, towards))]);
    } else if (key === 'not') {
      kept.push([key, substituted(value as Condition, isUnknown, !towards)]);
    } else if (!isUnknown(key) && !operandPaths(value).some(isUnknown)) {
      kept.push([key, value]);
    } else if (!towards) {
      return never;
    }
  }
  return kept.length > 0 ? Object.fromEntries(kept) : always;
}

function operandPaths(test: unknown): readonly string[] {
  if (typeof test !== 'object' || test === null) return [];
  if ('path' in test) return [String(test.path)];
  return Object.values(test).flatMap((operand) =>
    Array.isArray(operand) ? operand.flatMap(operandPaths) : operandPaths(operand),
  );
}

/** Read from names, facts or the time, whatever a request says: the record has all of it. */
const neverGiven =
  /^(?:time\.|(?:subject|resource)\.(?:id|type|labels)(?:\.|$)|resource\.owner(?:\.|$)|action\.name(?:\.|$))/;

/** Attributes that a document reads and a record that kept `recorded` does not hold. */
export const unrecordedPaths = (reads: readonly string[], recorded: readonly string[]): readonly string[] =>
  reads.filter((path) => !neverGiven.test(path) && !isRecorded(recorded, path));
