import {
  actionPattern,
  type CedarRule,
  compileCedar,
  containsText,
  knownActions,
  matchesText,
  type PolicyDocument,
} from '@gatehouse/evaluator';
import { type Finding, warning } from '../finding.js';
import { documentLimits } from '../limits.js';
import { nearest, suggestion } from '../nearest.js';

interface Named {
  readonly action: string;
  readonly path: string;
  readonly isOfRole: boolean;
  readonly effect: 'permit' | 'other' | 'cedar';
}

/** Words of AuthZEN that every service has; nobody declares them. */
const bareVerbs = new Set(['read', 'write', 'delete']);

function named({ roles = [], rules = [] }: PolicyDocument): readonly Named[] {
  const ofRoles = roles.flatMap((role, i) =>
    role.rules.flatMap(({ actions, effect }, j) =>
      actions.map((action, k): Named => {
        const path = `roles.${i}.rules.${j}.actions.${k}`;
        return { action, path, isOfRole: true, effect: effect === 'permit' ? 'permit' : 'other' };
      }),
    ),
  );
  const ofRules = rules.flatMap((rule, i) => {
    if (rule.type === 'cedar') return cedarActions(rule, `rules.${i}.text`);
    const isPermit =
      (rule.type === 'selector' && rule.effect === 'permit') || (rule.type === 'access' && rule.mode === 'allow');
    return (rule.actions ?? []).map((action, k): Named => {
      return { action, path: `rules.${i}.actions.${k}`, isOfRole: false, effect: isPermit ? 'permit' : 'other' };
    });
  });
  return [...ofRoles, ...ofRules];
}

/** Guarded ones are not told: which of several policies speaks of them does not show. */
const cedarActions = (rule: CedarRule, path: string): readonly Named[] =>
  compileCedar([rule]).actions.map((action) => ({ action, path, isOfRole: false, effect: 'cedar' }));

/** Actions that nobody knows, and those no document has a say in. `declared`: the file's own list, if it has one. */
export function actionFindings(document: PolicyDocument, declared: readonly string[] = []): Finding[] {
  const all = named(document);
  const literals = all.filter(({ action, isOfRole }) => isOfRole && !action.includes('*')).map(({ action }) => action);
  // Without a list of its own, what a role speaks of is taken for an action that there is.
  const known = new Set([...knownActions, ...declared, ...(declared.length > 0 ? [] : literals)]);
  const findings: Finding[] = [];
  for (const each of all) {
    const finding = guardedFinding(each) ?? unknownFinding(each, known, declared.length > 0);
    if (finding) findings.push(finding);
    if (findings.length > documentLimits.findings) break;
  }
  return findings;
}

function unknownFinding(
  { action, path, isOfRole, effect }: Named,
  known: ReadonlySet<string>,
  isDeclared: boolean,
): Finding | undefined {
  if (bareVerbs.has(action)) return undefined;
  if (action.includes('*')) {
    const pattern = actionPattern(action);
    if (!pattern || [...known].some((name) => matchesText(pattern, name))) return undefined;
    return warning('action_unknown', path, `matches no action that is known${hint(isDeclared)}`);
  }
  if (isOfRole && !isDeclared) {
    const near = knownActions.includes(action) ? undefined : nearest(action, knownActions, 1);
    return near === undefined
      ? undefined
      : warning('action_unknown', path, `is no action that is known; did you mean "${near}"?`);
  }
  if (known.has(action)) return undefined;
  return warning(
    'action_unknown',
    path,
    `${effect === 'cedar' ? `names ${JSON.stringify(action)}, which ` : ''}is no action that is known${suggestion(action, known)}${hint(isDeclared)}`,
  );
}

const hint = (isDeclared: boolean): string =>
  isDeclared ? '' : '; actions of your own services go into the list "actions"';

const guarded = ['policy.*', 'role.*', 'tenant.*'].map((source) => ({ source, pattern: actionPattern(source) }));

/** semantics.md, 7.1. */
function guardedFinding({ action, path, effect }: Named): Finding | undefined {
  const pattern = effect === 'cedar' ? undefined : actionPattern(action);
  const guard = guarded.find((each) => pattern && each.pattern && containsText(each.pattern, pattern));
  if (!guard || (effect === 'other' && guard.source !== 'policy.*')) return undefined;
  const verb = effect === 'permit' ? 'permits' : 'applies';
  return warning('never_permits', path, `never ${verb}: ${guard.source} is decided by the built-in roles alone`);
}
