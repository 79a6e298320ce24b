import { isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument, type Range } from 'yaml';
import { usageFailure } from '../failure.js';

/** A document and where its parts stand. */
export interface PlacedDocument {
  readonly value: unknown;
  /** From 1; of a member its value, or its name with `ofKey`. */
  locate(place: readonly (string | number)[], ofKey?: boolean): Location;
}

export interface Location {
  readonly line: number;
  readonly column: number;
}

/**
 * YAML or JSON, which is nearly a part of it. The library's own messages show the line they complain about, with what
 * stands in it: ours say where.
 *
 * @throws Failure
 */
export function parsePlaced(name: string, text: string): PlacedDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'silent',
    uniqueKeys: true,
  });
  const at = (offset: number): Location => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const [error] = document.errors;
  if (error) {
    const { line, column } = at(error.pos[0]);
    throw usageFailure(`${name}:${line}:${column}: not YAML or JSON (${error.code})`);
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch {
    throw usageFailure(`${name}: has aliases that cannot be resolved`);
  }
  return {
    value,
    locate: (place, ofKey = false) => at(offsetOf(document.contents as Node | null, place, ofKey)),
  };
}

/** Of the last part on the way that has a place of its own: what an alias stands for is elsewhere. */
function offsetOf(root: Node | null, place: readonly (string | number)[], ofKey: boolean): number {
  let node: unknown = root;
  let offset = startOf(root) ?? 0;
  for (const [i, step] of place.entries()) {
    const isLast = i === place.length - 1;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(step));
      offset = startOf((isLast && ofKey ? pair?.key : (pair?.value ?? pair?.key)) as Node | null) ?? offset;
      node = isPair(pair) ? pair.value : undefined;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = startOf(node as Node | null) ?? offset;
    } else break;
  }
  return offset;
}

const startOf = (node: { range?: Range | null } | null | undefined): number | undefined => node?.range?.[0];
