import type { CompiledPolicy } from './compile.js';
import type { Attributes, Request, Value } from './model.js';
import { givenPath } from './path.js';

/** The given attributes that a decision may depend on. */
export interface RecordedPart {
  readonly subject?: Attributes;
  readonly action?: Attributes;
  readonly resource?: Attributes;
  readonly context?: Attributes;
}

const roots = ['subject', 'action', 'resource', 'context'] as const;

/** Names below a root; `true`: the whole value. */
type Wanted = Map<string, Wanted> | true;

function wantedOf(paths: readonly string[]): Map<string, Wanted> {
  const root = new Map<string, Wanted>();
  for (const path of paths) {
    const names = givenPath(path);
    if (!names) continue;
    let at: Map<string, Wanted> = root;
    for (const [i, name] of names.entries()) {
      const below: Wanted | undefined = at.get(name);
      if (below === true) break;
      // A star is all of it: `subject.*`.
      if (i === names.length - 1) at.set(name, true);
      else if (below) at = below;
      else {
        const next = new Map<string, Wanted>();
        at.set(name, next);
        at = next;
      }
    }
  }
  return root;
}

const isObject = (value: Value): value is Attributes =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whether all that a value holds is wanted whole: most requests bring just what the policy reads. */
function isAllWanted(value: Attributes, wanted: Map<string, Wanted>): boolean {
  for (const name in value) if (wanted.get(name) !== true) return false;
  return true;
}

/** A value on the way that has no members stays: that it is there hides what is known under the same name. */
function partOf(value: Value, wanted: Wanted): Value {
  if (wanted === true || !isObject(value) || wanted.has('*') || isAllWanted(value, wanted)) return value;
  const members: [string, Value][] = [];
  for (const [name, below] of wanted) {
    const member = Object.hasOwn(value, name) ? value[name] : undefined;
    if (member !== undefined) members.push([name, partOf(member, below)]);
  }
  // Own members even for `__proto__`.
  return Object.fromEntries(members);
}

const prepared = new WeakMap<CompiledPolicy, Map<string, Wanted>>();

function wantedBy(policy: CompiledPolicy): Map<string, Wanted> {
  const known = prepared.get(policy);
  if (known) return known;
  const made = wantedOf(policy.recorded);
  prepared.set(policy, made);
  return made;
}

/**
 * Of a request's attributes those that the policy reads or has recorded. Deciding a request that has no others gives
 * the same decision. Undefined if there are none.
 */
export function recordedPart(policy: CompiledPolicy, request: Request): RecordedPart | undefined {
  const wanted = wantedBy(policy);
  if (wanted.size === 0) return undefined;
  let parts: { -readonly [Root in keyof RecordedPart]: RecordedPart[Root] } | undefined;
  for (const root of roots) {
    const part = partBelow(wanted.get(root), root === 'context' ? request.context : request[root].properties);
    if (!part) continue;
    parts ??= {};
    parts[root] = part;
  }
  return parts;
}

/** Undefined if nothing of them is wanted. */
function partBelow(names: Wanted | undefined, attributes: Attributes | undefined): Attributes | undefined {
  if (!names || !attributes) return undefined;
  const part = partOf(attributes, names) as Attributes;
  for (const _ in part) return part;
  return undefined;
}
