import { canonicalJson } from '@gatehouse/crypto';
import type { PolicyDocument } from '@gatehouse/evaluator';

/** What became of one role, rule, or of the list of recorded attributes. */
export interface PolicyChange {
  readonly kind: 'role' | 'rule' | 'record';
  /** Its name or id; `record` for the list. */
  readonly name: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** Of what changed: the members that differ. Of what was added or removed: all of them. */
  readonly members: readonly MemberChange[];
}

export interface MemberChange {
  readonly member: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

type Members = Readonly<Record<string, unknown>>;

/** What has to be done to the first policy to have the second. The order of roles, rules and members does not matter. */
export function diffPolicies(before: PolicyDocument, after: PolicyDocument): readonly PolicyChange[] {
  return [
    ...between('role', named(before.roles ?? [], 'name'), named(after.roles ?? [], 'name')),
    ...between('rule', named(before.rules ?? [], 'id'), named(after.rules ?? [], 'id')),
    ...between('record', recorded(before), recorded(after)),
  ];
}

const named = (items: readonly object[], key: string): Map<string, Members> =>
  new Map(items.map((item) => [String((item as Members)[key]), item as Members]));

const recorded = ({ record = [] }: PolicyDocument): Map<string, Members> =>
  new Map([['record', record.length > 0 ? { paths: [...record].sort() } : {}]]);

function between(
  kind: PolicyChange['kind'],
  before: ReadonlyMap<string, Members>,
  after: ReadonlyMap<string, Members>,
): PolicyChange[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names.flatMap((name) => {
    const [old, now] = [before.get(name), after.get(name)];
    const members = memberChanges(old ?? {}, now ?? {});
    if (members.length === 0) return [];
    return [{ kind, name, change: old === undefined ? 'added' : now === undefined ? 'removed' : 'changed', members }];
  });
}

function memberChanges(before: Members, after: Members): MemberChange[] {
  const members = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return members.flatMap((member) => {
    const [old, now] = [before[member], after[member]];
    if (old !== undefined && now !== undefined && canonicalJson(old) === canonicalJson(now)) return [];
    return [{ member, ...(old !== undefined && { before: old }), ...(now !== undefined && { after: now }) }];
  });
}
