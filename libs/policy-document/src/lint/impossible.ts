import { canonicalJson } from '@gatehouse/crypto';
import type { Condition, Test } from '@gatehouse/evaluator';
import { joined } from '../text/plain-value.js';
import { narrow, type Tested } from './possible-values.js';

/** Where and why a condition can never be true. */
export interface Impossible {
  readonly path: string;
  readonly reason: string;
}

/** Looks for what contradicts itself; a condition that it finds nothing in may still be impossible. */
export function impossible(condition: Condition, path: string): Impossible | undefined {
  const conjunction = gather(condition, path);
  return conjunction.found ?? fromTests(conjunction) ?? fromNegations(conjunction);
}

interface Conjunction {
  /** By attribute: all that is asked of it. */
  readonly tests: Map<string, Tested[]>;
  readonly negations: { readonly condition: Condition; readonly path: string }[];
  /** Canonical texts of the single members. */
  readonly members: Set<string>;
  found?: Impossible;
}

/** Everything that must hold together: the members, and those of every `all` below. */
function gather(condition: Condition, path: string): Conjunction {
  const into: Conjunction = { tests: new Map(), negations: [], members: new Set() };
  add(condition, path, into);
  return into;
}

function add(condition: Condition, path: string, into: Conjunction): void {
  for (const [name, value] of Object.entries(condition)) {
    const at = joined(path, name);
    if (value === undefined || into.found) continue;
    if (name === 'all') for (const [i, part] of (value as Condition[]).entries()) add(part, `${at}.${i}`, into);
    else if (name === 'any') addAny(value as Condition[], at, into);
    else if (name === 'not') into.negations.push({ condition: value as Condition, path: at });
    else addTest(name, value as Test, at, into);
    if (name !== 'all') into.members.add(canonicalJson({ [name]: value }));
  }
}

function addAny(branches: readonly Condition[], at: string, into: Conjunction): void {
  const reasons = branches.map((branch, i) => impossible(branch, `${at}.${i}`));
  const [only] = branches;
  if (branches.length === 0) into.found = { path: at, reason: 'has no alternative, so none holds' };
  else if (reasons.every((reason) => reason !== undefined)) into.found = reasons[0] as Impossible;
  else if (only && branches.length === 1) add(only, `${at}.0`, into);
}

function addTest(attribute: string, test: Test, at: string, into: Conjunction): void {
  const known = into.tests.get(attribute) ?? [];
  into.tests.set(attribute, [...known, { test, path: at }]);
}

function fromTests({ tests }: Conjunction): Impossible | undefined {
  for (const [attribute, tested] of tests) {
    const found = narrow(attribute, tested);
    if (found) return found;
  }
  return undefined;
}

/** All members of what must not hold are among those that must. */
function fromNegations({ negations, members }: Conjunction): Impossible | undefined {
  for (const { condition, path } of negations) {
    const inner = gather(condition, path);
    if ([...inner.members].every((member) => members.has(member)) && isPlain(condition))
      return {
        path,
        reason: inner.members.size === 0 ? 'negates what always holds' : 'negates what must hold beside it',
      };
  }
  return undefined;
}

/** Without an empty `any`, which never holds and so may be negated. */
const isPlain = (condition: Condition): boolean => !(condition.any && condition.any.length === 0);
