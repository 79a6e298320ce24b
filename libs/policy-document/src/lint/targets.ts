import type { PolicyDocument, PolicyRule, Who } from '@gatehouse/evaluator';
import { type Finding, warning } from '../finding.js';
import { suggestion } from '../nearest.js';

const obligationTypes = ['step_up', 'notify', 'session_termination'];

/** Rules that do more than was probably meant, or that nobody may understand. */
export function targetFindings({ rules = [] }: PolicyDocument): Finding[] {
  return rules.flatMap((rule, i) => {
    if (permitsEverything(rule))
      return [warning('permits_everything', `rules.${i}`, 'permits everything to everybody')];
    if (rule.type !== 'obligation' || obligationTypes.includes(rule.obligation.type)) return [];
    const { type } = rule.obligation;
    const words = `is no type that is known (${obligationTypes.join(', ')})${suggestion(type, obligationTypes)}; who does not know it must deny`;
    return [warning('obligation_unknown', `rules.${i}.obligation.type`, words)];
  });
}

const isAnyone = (who: Who): boolean => who.anyone === true && Object.keys(who).length === 1;

function permitsEverything(rule: PolicyRule): boolean {
  if (rule.type !== 'selector' && rule.type !== 'access') return false;
  const isForAll =
    rule.type === 'selector'
      ? rule.effect === 'permit' && [rule.who].flat().some((who) => isAnyone(who as Who))
      : rule.mode === 'allow' && rule.patterns.includes('*');
  const isForEvery = rule.what === undefined || [rule.what].flat().some((what) => Object.keys(what).length === 0);
  const hasCondition = Object.keys(rule.when ?? {}).length > 0;
  return isForAll && isForEvery && !hasCondition && (rule.actions === undefined || rule.actions.includes('*'));
}
