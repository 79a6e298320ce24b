import {
  isCollection,
  isMap,
  isSeq,
  type LineCounter,
  type Node,
  type Pair,
  type Document as YamlDocument,
} from 'yaml';
import type { Locate } from '../finding.js';
import { type AliasTargets, memberName } from './yaml-value.js';

interface Step {
  readonly node: Node | null;
  /** Where to point at: the value, or the name of a member whose value is a block of lines. */
  readonly offset: number;
  readonly rest: string;
  /** Of a member: where its name is. */
  readonly name?: number;
}

/** Answers where a path stands, or the deepest part of it that there is. Reads the tree only when asked. */
export function locator(document: YamlDocument.Parsed, lines: LineCounter, targets: AliasTargets): Locate {
  return (path, part) => {
    let step: Step = { node: document.contents, offset: document.contents?.range?.[0] ?? 0, rest: path };
    for (
      let next: Step | undefined = step;
      next !== undefined;
      next = step.rest === '' ? undefined : down(step, targets)
    )
      step = next;
    const { line, col } = lines.linePos(part === 'name' ? (step.name ?? step.offset) : step.offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
}

function down({ node, rest }: Step, targets: AliasTargets): Step | undefined {
  const at = (node && targets.get(node)) ?? node;
  if (isSeq(at)) {
    const [index = ''] = rest.split('.', 1);
    const item = at.items[Number(index)] as Node | undefined;
    return item && { node: item, offset: item.range?.[0] ?? 0, rest: rest.slice(index.length + 1) };
  }
  return isMap(at) ? member(at.items as readonly Pair[], rest) : undefined;
}

/** Names may hold dots (paths in conditions): the longest that the rest begins with is meant. */
function member(items: readonly Pair[], rest: string): Step | undefined {
  let best: { name: string; pair: Pair } | undefined;
  for (const pair of items) {
    const name = memberName(pair.key);
    if (name === undefined || (best && name.length <= best.name.length)) continue;
    if (rest === name || rest.startsWith(`${name}.`)) best = { name, pair };
  }
  if (!best) return undefined;
  const { key, value } = best.pair as { key: Node; value: Node | null };
  const isBlock = value !== null && isCollection(value) && !value.flow;
  const pointed = value === null || isBlock ? key : value;
  return {
    node: value,
    offset: pointed.range?.[0] ?? 0,
    rest: rest.slice(best.name.length + 1),
    name: key.range?.[0] ?? 0,
  };
}
