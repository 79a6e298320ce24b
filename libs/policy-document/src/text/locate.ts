import {
  isCollection,
  isMap,
  isScalar,
  isSeq,
  type LineCounter,
  type Node,
  type Pair,
  type Document as YamlDocument,
} from 'yaml';

import type { Locate, Place } from '../finding.js';
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
export function locator(
  document: YamlDocument.Parsed,
  lines: LineCounter,
  targets: AliasTargets,
  text: string,
): Locate {
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  return (path, part) => {
    let step: Step = { node: document.contents, offset: document.contents?.range?.[0] ?? 0, rest: path };
    for (
      let next: Step | undefined = step;
      next !== undefined;
      next = step.rest === '' ? undefined : down(step, targets)
    )
      step = next;
    if (typeof part === 'object') return step.rest === '' ? inside(step.node, part, placeOf, text) : undefined;
    return placeOf(part === 'name' ? (step.name ?? step.offset) : step.offset);
  };
}

/** A place inside of a text, where its lines stand in the file as they are: as a literal block, or all in one line. */
function inside(node: Node | null, within: Place, placeOf: (offset: number) => Place, text: string): Place | undefined {
  if (!isScalar(node) || typeof node.value !== 'string' || !node.range) return undefined;
  const begin = placeOf(node.range[0]);
  if (node.type === 'BLOCK_LITERAL') {
    const body = text.slice(text.indexOf('\n', node.range[0]) + 1, node.range[1]);
    const indent = /^ *(?=[^ \n\r])/m.exec(body)?.[0].length ?? 0;
    return { line: begin.line + within.line, column: indent + within.column };
  }
  const quote = node.type === 'PLAIN' ? 0 : 1;
  const isAsWritten = text.slice(node.range[0] + quote, node.range[1] - quote) === node.value;
  return isAsWritten && within.line === 1
    ? { line: begin.line, column: begin.column + quote + within.column - 1 }
    : undefined;
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
