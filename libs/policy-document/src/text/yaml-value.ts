import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type LineCounter,
  type Node,
  type Scalar,
  type Document as YamlDocument,
} from 'yaml';
import { error, type Finding } from '../finding.js';
import { documentLimits } from '../limits.js';
import { joined, nameFinding, scalarFinding } from './plain-value.js';

/** What each alias stands for: the last anchor of its name before it. */
export type AliasTargets = ReadonlyMap<Node, Node>;

export interface YamlValue {
  readonly value: unknown;
  readonly findings: readonly Finding[];
  readonly targets: AliasTargets;
}

const coreTags = new Set(
  ['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map((name) => `tag:yaml.org,2002:${name}`),
);

/** A member's name; `undefined` for one that is a list or an object. A number or `true` is a name as it is written. */
export function memberName(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined;
  const { value, source } = key as Scalar<unknown>;
  return typeof value === 'string' ? value : (source ?? String(value));
}

/**
 * The data of a document. Done here and not by the library, which resolves each alias by a search of the whole document
 * and compares every member with every other: a text of 1 MiB could keep it busy for minutes.
 */
export function readValue(document: YamlDocument.Parsed, lines: LineCounter): YamlValue {
  const reader = new Reader(lines);
  const value = reader.read(document.contents, '', 1, false);
  return { value, findings: reader.findings, targets: reader.targets };
}

class Reader {
  readonly findings: Finding[] = [];
  readonly targets = new Map<Node, Node>();
  readonly #anchors = new Map<string, Node>();
  #values = 0;
  #aliased = 0;

  constructor(private readonly lines: LineCounter) {}

  read(node: unknown, path: string, depth: number, isAliased: boolean): unknown {
    if (node === null || node === undefined) return null;
    const at = node as Node;
    if (!this.#isWithinBounds(at, path, depth, isAliased)) return null;
    if (isAlias(at)) return this.#follow(at, path, depth);
    if ('anchor' in at && typeof at.anchor === 'string') this.#anchors.set(at.anchor, at);
    if (at.tag !== undefined && !coreTags.has(at.tag))
      this.#refuse(at, error('tag_refused', path, 'has a tag of its own'));
    if (isSeq(at)) return at.items.map((item, i) => this.read(item, joined(path, i), depth + 1, isAliased));
    if (isMap(at)) return this.#members(at.items, path, depth, isAliased);
    const { value } = at as Scalar<unknown>;
    const fault = scalarFinding(value, path);
    if (fault) this.#refuse(at, fault);
    return value;
  }

  #isWithinBounds(node: Node, path: string, depth: number, isAliased: boolean): boolean {
    this.#values += 1;
    if (isAliased) this.#aliased += 1;
    if (depth > documentLimits.depth)
      this.#refuse(node, error('too_deep', path, `is nested deeper than ${documentLimits.depth}`));
    else if (this.#aliased > documentLimits.aliasedValues)
      this.#refuse(node, error('alias_refused', path, 'repeats too much by aliases'));
    else if (this.#values > documentLimits.values)
      this.#refuse(node, error('too_large', path, `is more than ${documentLimits.values} values`));
    // The first of these ends it: what comes after would only be more of the same.
    return this.findings.length === 0;
  }

  #follow(alias: Node & { source: string }, path: string, depth: number): unknown {
    const target = this.targets.get(alias) ?? this.#anchors.get(alias.source);
    if (target === undefined) {
      this.#refuse(alias, error('alias_refused', path, 'is an alias of nothing before it'));
      return null;
    }
    this.targets.set(alias, target);
    return this.read(target, path, depth, true);
  }

  #members(
    items: readonly { key: unknown; value: unknown }[],
    path: string,
    depth: number,
    isAliased: boolean,
  ): unknown {
    const read = new Map<string, unknown>();
    for (const { key, value } of items) {
      const name = memberName(key);
      const keyNode = (key ?? value) as Node;
      if (name === undefined) {
        this.#refuse(keyNode, error('value_wrong', path, 'has a member whose name is no text'));
        continue;
      }
      const at = joined(path, name);
      const fault = read.has(name) ? error('duplicate_member', at, 'is there twice') : nameFinding(name, at);
      if (fault) this.#refuse(keyNode, fault);
      else read.set(name, this.read(value, at, depth + 1, isAliased));
    }
    return Object.fromEntries(read);
  }

  #refuse(node: Node | null, finding: Finding): void {
    const { line, col } = this.lines.linePos(node?.range?.[0] ?? 0);
    this.findings.push({ ...finding, line: Math.max(line, 1), column: Math.max(col, 1) });
  }
}
