import type { MatchedRule } from '../model.js';
import { compileCedar } from './compile-cedar.js';
import { Dice } from './random.fixture.js';
import { PolicyDice } from './random-policy.fixture.js';
import { type Case, factsOf, WorldDice } from './random-world.fixture.js';
import { type Answer, callOf, named, prepare, reference } from './reference.fixture.js';
import type { Slice } from './slice.js';
import { World } from './world.js';

/** What our compiled policies say, in the words of Cedar's engine. */
export function ours(text: string): (of: Case) => Answer {
  const compiled = compileCedar([{ type: 'cedar', id: 'r', text }]);
  return ({ request, known, nowMs }) => {
    const facts = factsOf(known);
    const slice = compiled.speaksOf(request.action.name) as Slice | undefined;
    const world = new World(facts, request, known.roles, nowMs);
    const outcomes = (slice?.of(world) ?? []).map(({ match, holds }) => ({ match, outcome: holds(world) }));
    const nameOf = ({ match }: { match: MatchedRule }): string =>
      'policy' in match ? match.policy.replace('r/', '') : '';
    const satisfied = outcomes.filter(({ outcome }) => outcome === true);
    // What is answered is what was satisfied.
    const matched = slice?.matches(facts, request, known.roles, nowMs) ?? [];
    if (matched.length !== satisfied.length)
      throw new Error(`matches differ from outcomes: ${JSON.stringify(request)}`);
    const forbids = satisfied.filter(({ match }) => match.effect === 'forbid');
    const permits = satisfied.filter(({ match }) => match.effect === 'permit');
    return {
      decision: forbids.length === 0 && permits.length > 0 ? 'allow' : 'deny',
      reason: (forbids.length > 0 ? forbids : permits).map(nameOf).sort(),
      errors: outcomes
        .filter(({ outcome }) => outcome === undefined)
        .map(nameOf)
        .sort(),
    };
  };
}

export interface Difference {
  readonly text: string;
  readonly case: Case;
  readonly ours: Answer;
  readonly reference: Answer;
}

export interface Run {
  readonly cases: number;
  readonly differences: readonly Difference[];
  /** How often something came up, by name, of all cases. */
  readonly shares: Readonly<Record<string, number>>;
  /** How many policies held that use an operator, by its name: each must have decided something. */
  readonly decided: ReadonlyMap<string, number>;
}

/** What stands in the text of policies and is to be tried, as it is found there. */
export const features: Readonly<Record<string, RegExp>> = {
  ...Object.fromEntries(
    [
      '&&',
      '||',
      '==',
      '!=',
      '<=',
      '>=',
      '< ',
      '> ',
      '+',
      '*',
      ' - ',
      '- -',
      '-(',
      '!',
      ' in ',
      ' has ',
      ' like ',
      ' is ',
      'if ',
      '[',
      '{"',
    ].map((sign) => [sign, new RegExp(sign.replaceAll(/[|+*([{\]]/g, '\\$&'))]),
  ),
  ...Object.fromEntries(
    [
      ...[
        'contains',
        'containsAll',
        'containsAny',
        'isEmpty',
        'ip',
        'decimal',
        'datetime',
        'duration',
        'isIpv4',
        'isIpv6',
      ],
      ...['isLoopback', 'isMulticast', 'isInRange', 'lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'],
      ...[
        'offset',
        'durationSince',
        'toDate',
        'toTime',
        'toMilliseconds',
        'toSeconds',
        'toMinutes',
        'toHours',
        'toDays',
      ],
      ...['hasTag', 'getTag'],
    ].map((name) => [name, new RegExp(`\\b${name}\\(`)]),
  ),
};

/** Requests are made in herds, and each set of policies answers some of a herd: making both takes most of the time. */
const herd = 400;
/**
 * How many of a herd a set answers, and how many sets a herd meets. A short run wants many sets; in a long one there are many
 * anyway (12,500 in a million cases), and reading a set takes both engines as long as some 20 questions.
 */
const sharing = (cases: number) =>
  cases < 200_000 ? { casesPerSet: 25, setsPerHerd: 30 } : { casesPerSet: 80, setsPerHerd: 60 };

interface Asked {
  readonly case: Case;
  readonly call: ReturnType<typeof callOf>;
}

class Tally {
  readonly differences: Difference[] = [];
  readonly counts = { allow: 0, forbidden: 0, erring: 0, several: 0 };
  readonly decided = new Map<string, number>(Object.keys(features).map((name) => [name, 0]));
  cases = 0;

  add(answer: Answer, featuresOf: readonly (readonly string[])[]): void {
    this.cases++;
    if (answer.decision === 'allow') this.counts.allow++;
    if (answer.decision === 'deny' && answer.reason.length > 0) this.counts.forbidden++;
    if (answer.errors.length > 0) this.counts.erring++;
    if (answer.reason.length > 1) this.counts.several++;
    for (const name of answer.reason) {
      for (const feature of featuresOf[Number(name.slice('policy'.length))] ?? []) {
        this.decided.set(feature, (this.decided.get(feature) ?? 0) + 1);
      }
    }
  }
}

function compareSet(texts: readonly string[], asked: readonly Asked[], tally: Tally): void {
  const text = texts.join('\n');
  prepare(text);
  const answerOf = ours(text);
  const namedOf = named(text);
  const featuresOf = texts.map((policy) => Object.keys(features).filter((name) => features[name]?.test(policy)));
  for (const one of asked) {
    const [a, b] = [answerOf(one.case), reference(namedOf(one.call))];
    if (JSON.stringify(a) !== JSON.stringify(b)) {
      tally.differences.push({ text, case: one.case, ours: a, reference: b });
    }
    tally.add(b, featuresOf);
  }
}

/** Sets of policies, each with many requests, answered by both. */
export function compareRandomly(seed: number, cases: number): Run {
  const dice = new Dice(seed);
  const worlds = new WorldDice(dice);
  const tally = new Tally();
  const { casesPerSet, setsPerHerd } = sharing(cases);
  let asked: readonly Asked[] = [];
  for (let set = 0; tally.cases < cases; set++) {
    if (set % setsPerHerd === 0) {
      const made = Array.from({ length: herd }, () => worlds.case());
      asked = made.map((one) => ({ case: one, call: callOf(one) }));
    }
    const policies = new PolicyDice(dice, dice.one([0, 0.03, 0.12]));
    const texts = Array.from({ length: 1 + dice.below(8) }, () => policies.policy(dice.below(5)));
    const some = Array.from({ length: Math.min(casesPerSet, cases - tally.cases) }, () => dice.one(asked));
    compareSet(texts, some, tally);
  }
  const shares = Object.fromEntries(Object.entries(tally.counts).map(([name, count]) => [name, count / cases]));
  return { cases: tally.cases, differences: tally.differences, shares, decided: tally.decided };
}
