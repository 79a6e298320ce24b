import type { PolicyDocument } from '@gatehouse/evaluator';
import { comparable, safeParse } from '@gatehouse/schema';
import { bounded, error, type Finding, inOrder, type Locate, placed } from './finding.js';
import { documentLimits } from './limits.js';
import { lintPolicy } from './lint/lint.js';
import { policyFile, type WrittenFile } from './schema/file.js';
import { findingsOf } from './schema/issues.js';
import { type PolicyTest, readTest } from './test-case/policy-test.js';
import { normalise } from './text/normalise.js';
import { plainFindings } from './text/plain-value.js';
import { readText, type TextFormat } from './text/read-text.js';

export interface ParsedPolicy {
  /** There unless something is wrong. */
  readonly document?: PolicyDocument;
  readonly title?: string;
  /** The actions that the file declares for its own services. */
  readonly actions: readonly string[];
  readonly tests: readonly PolicyTest[];
  readonly errors: readonly Finding[];
  readonly warnings: readonly Finding[];
}

/**
 * A policy from its text in YAML or JSON, in any of the accepted dialects, with everything that is wrong or doubtful and
 * where. Never throws.
 *
 * @example parsePolicyText('rules: [{id: a, type: access, mode: alow, patterns: ["*"]}]').errors[0]
 * // { code: 'value_wrong', path: 'rules.0.mode', line: 1, column: 35, message: 'must be one of allow, deny; did you mean "allow"?', ... }
 */
export function parsePolicyText(text: string, { format }: { readonly format?: TextFormat } = {}): ParsedPolicy {
  const read = readText(text, format);
  return read.ok ? parse(read.value, read.locate) : answer({}, read.findings);
}

/** The same for data that came otherwise; its findings have no lines. */
export function parsePolicyValue(value: unknown): ParsedPolicy {
  const plain = plainFindings(value);
  return plain.length > 0 ? answer({}, plain) : parse(value, () => undefined);
}

function parse(value: unknown, locate: Locate): ParsedPolicy {
  // An empty file is the empty policy: the built-in roles alone.
  const checked = safeParse(policyFile, comparable(value) ?? {});
  if (!checked.success) return answer({}, placedAll(findingsOf(checked.error.issues, value), locate));
  const file: WrittenFile = checked.data;
  const { document, findings, written } = normalise(file);
  const read = (file.tests ?? []).map((test, i) => readTest(test, `tests.${i}`));
  const own = placedAll([...findings, ...read.flatMap((one) => one.findings), ...repeatedTests(file)], locate);
  const { title, actions = [] } = file;
  const tests = read.flatMap(({ test }) => (test ? [test] : []));
  if (own.some(({ severity }) => severity === 'error')) return answer({}, own);
  const sense = lintPolicy(document, { actions, lineOf: (path) => locate(written(path))?.line });
  // Each is looked up in the text: of thousands the first are enough, what is wrong before what is doubtful.
  const told = [...sense].sort((a, b) => Number(b.severity === 'error') - Number(a.severity === 'error'));
  const placedSense = told
    .slice(0, documentLimits.findings + 1)
    .map((finding) => placed({ ...finding, path: written(finding.path) }, locate));
  return answer({ document, actions, tests, ...(title !== undefined && { title }) }, [...own, ...placedSense]);
}

const placedAll = (findings: readonly Finding[], locate: Locate): Finding[] =>
  findings.map((finding) => placed(finding, locate));

function repeatedTests({ tests = [] }: WrittenFile): Finding[] {
  const seen = new Set<string>();
  return tests.flatMap(({ name }, i) => {
    if (seen.has(name)) return [error('value_wrong', `tests.${i}.name`, 'is the name of another test')];
    seen.add(name);
    return [];
  });
}

function answer(of: Partial<ParsedPolicy>, findings: readonly Finding[]): ParsedPolicy {
  const ordered = inOrder(findings);
  const errors = ordered.filter(({ severity }) => severity === 'error');
  const warnings = ordered.filter(({ severity }) => severity === 'warning');
  const { document, ...rest } = of;
  return {
    actions: [],
    tests: [],
    ...rest,
    ...(errors.length === 0 && document && { document }),
    errors: bounded(errors, documentLimits.findings),
    warnings: bounded(warnings, documentLimits.findings),
  };
}
