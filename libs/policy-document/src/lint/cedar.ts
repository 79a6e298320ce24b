import { type CedarRule, type ParsedCedarPolicy, type PolicyDocument, parseCedarText } from '@gatehouse/evaluator';
import { type Unplaced, warning } from '../finding.js';

type Expression = ParsedCedarPolicy['json']['conditions'][number]['body'];

/**
 * A Cedar policy that reads what is missing is skipped, and a forbid that is skipped forbids nothing: each attribute that
 * one reads has to be asked for with `has` somewhere in it.
 */
export function cedarFindings({ rules = [] }: PolicyDocument): Unplaced[] {
  return rules.flatMap((rule, i) => (rule.type === 'cedar' ? ofRule(rule, `rules.${i}.text`) : []));
}

function ofRule(rule: CedarRule, path: string): Unplaced[] {
  return parseCedarText(rule).policies.flatMap(({ name, json, place }) => {
    if (json.effect !== 'forbid') return [];
    const reads = new Set<string>();
    const asked = new Set<string>();
    for (const { body } of json.conditions) visit(body, reads, asked);
    const unsure = [...reads].filter((read) => !asked.has(read) && !alwaysThere.has(read));
    if (unsure.length === 0) return [];
    const [line = 1, column = 1] = place.split(':').map(Number);
    const words = `${name} forbids nothing where ${unsure.slice(0, 3).join(', ')} is missing: Cedar skips a policy that fails; ask with "has"`;
    return [{ ...warning('cedar_may_skip', path, words), within: { line, column } }];
  });
}

const alwaysThere = new Set(['context.now', 'context.action']);

/** `principal.a.b`; undefined for what is looked up in anything but a variable. */
function pathOf(expression: Expression): string | undefined {
  if ('Var' in expression) return String(expression.Var);
  if (!('.' in expression)) return undefined;
  const { left, attr } = expression['.'] as { left: Expression; attr: string };
  const of = pathOf(left);
  return of === undefined ? undefined : `${of}.${attr}`;
}

function visit(expression: Expression, reads: Set<string>, asked: Set<string>): void {
  if (typeof expression !== 'object' || expression === null || 'Value' in expression) return;
  if ('.' in expression) {
    const path = pathOf(expression);
    if (path !== undefined) reads.add(path);
  }
  if ('has' in expression) {
    const { left, attr } = expression.has as { left: Expression; attr: string | readonly string[] };
    let path = pathOf(left);
    for (const name of typeof attr === 'string' ? [attr] : attr) {
      path = path === undefined ? undefined : `${path}.${name}`;
      if (path !== undefined) asked.add(path);
    }
  }
  for (const node of Object.values(expression) as unknown[]) {
    const parts = Array.isArray(node) ? node : typeof node === 'object' && node !== null ? Object.values(node) : [];
    for (const part of parts) if (typeof part === 'object' && part !== null) visit(part as Expression, reads, asked);
  }
}
