import type { Expr } from '@cedar-policy/cedar-wasm/nodejs';

/** What stands in entities and context without being an attribute of the request. */
const facts: ReadonlySet<string> = new Set(['id', 'type', 'labels', 'owner']);

const everything = ['subject.*', 'resource.*'];

/** `principal.a.b` as `{root: 'principal', names: ['a', 'b']}`. */
function pathOf(expression: Expr): { root: string; names: readonly string[] } | undefined {
  if ('Var' in expression) return { root: expression.Var as string, names: [] };
  if (!('.' in expression)) return undefined;
  const { left, attr } = expression['.'] as { left: Expr; attr: string };
  const of = pathOf(left);
  return of && { root: of.root, names: [...of.names, attr] };
}

/** A path ends before a name that has a dot itself: it could not be told from two names. */
function dotted(names: readonly string[]): string {
  const odd = names.findIndex((name) => name === '' || name.includes('.'));
  if (odd === 0) return '*';
  return (odd < 0 ? names : names.slice(0, odd)).join('.');
}

function entityPaths([first, ...rest]: readonly string[]): readonly string[] {
  if (first === undefined) return [];
  // An owner may be the principal or the resource itself.
  if (first === 'owner' && rest.length > 0) return everything;
  if (facts.has(first)) return [];
  // Principal and resource may be one entity, which has the attributes of both.
  const path = dotted([first, ...rest]);
  return [`subject.${path}`, `resource.${path}`];
}

function contextPaths([first, second, ...rest]: readonly string[]): readonly string[] {
  if (first === undefined) return ['context.*', 'action.*'];
  if (first === 'now') return [];
  if (first !== 'action') return [`context.${dotted(second === undefined ? [first] : [first, second, ...rest])}`];
  if (second === undefined) return ['action.*'];
  return second === 'name' ? [] : [`action.${dotted([second, ...rest])}`];
}

/** An entity that is passed on as a whole is only a name; what reads attributes of it is found where it does. */
function rootedPaths(root: string, names: readonly string[]): readonly string[] {
  if (root === 'action') return [];
  return root === 'context' ? contextPaths(names) : entityPaths(names);
}

function children(expression: Expr): readonly Expr[] {
  const [node] = Object.values(expression) as [unknown];
  if (Array.isArray(node)) return node;
  if (typeof node !== 'object' || node === null || 'Value' in expression) return [];
  return Object.values(node).filter((part) => typeof part === 'object' && part !== null && !Array.isArray(part));
}

/** Names that `has` looks for below the value, and whether it or `.` looks into a value that is no path. */
function readOf(expression: Expr): { of: Expr; names: readonly string[] } | undefined {
  if ('has' in expression) {
    const { left, attr } = expression.has as { left: Expr; attr: string | string[] };
    return { of: left, names: typeof attr === 'string' ? [attr] : attr };
  }
  if (!('.' in expression)) return undefined;
  const { left, attr } = expression['.'] as { left: Expr; attr: string };
  return { of: left, names: [attr] };
}

function addReads(expression: Expr, into: Set<string>): void {
  const read = readOf(expression);
  const path = read ? pathOf(read.of) : pathOf(expression);
  if (path) {
    for (const one of rootedPaths(path.root, [...path.names, ...(read?.names ?? [])])) into.add(one);
    return;
  }
  // The value that is looked into may be an entity: which one shows at evaluation only.
  if (read) for (const one of everything) into.add(one);
  for (const child of children(expression)) addReads(child, into);
}

/** The paths of the attributes, as of a `Condition`, that the expressions may read. Sorted. */
export function readsOf(expressions: readonly Expr[]): readonly string[] {
  const paths = new Set<string>();
  for (const expression of expressions) addReads(expression, paths);
  return [...paths].sort();
}
