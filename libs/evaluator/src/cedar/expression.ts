import type { Expr } from '@cedar-policy/cedar-wasm/nodejs';
import { extensionFunctions } from './extensions.js';
import { wildcard } from './like.js';
import { isLong, longOf, negate } from './long.js';
import { isIn, type Operation, operations } from './operations.js';
import { CedarRecord, CedarSet, type CedarValue, EntityRef } from './values.js';
import type { World } from './world.js';

/** An expression made ready: its value in a world, or undefined where Cedar's evaluation fails. */
export type Run = (world: World) => CedarValue | undefined;

export interface Compiled {
  readonly run: Run;
  /** The value does not depend on the world. */
  readonly constant: boolean;
}

/** A newer Cedar has a kind of expression that this compiler does not know. */
export class UnknownExpression extends Error {}

const settled = (value: CedarValue | undefined): Compiled => ({ run: () => value, constant: true });

/** What depends on nothing is computed once: it reads no world, so none is needed. */
const folded = (run: Run, constant: boolean): Compiled =>
  constant ? settled(run(undefined as never)) : { run, constant };

function unary(
  { run, constant }: Compiled,
  apply: (value: CedarValue, world: World) => CedarValue | undefined,
  readsWorld = false,
) {
  const both: Run = (world) => {
    const value = run(world);
    return value === undefined ? undefined : apply(value, world);
  };
  return folded(both, constant && !readsWorld);
}

function binary(left: Compiled, right: Compiled, apply: Operation, readsWorld = false): Compiled {
  const [runLeft, runRight] = [left.run, right.run];
  const run: Run = (world) => {
    const a = runLeft(world);
    if (a === undefined) return undefined;
    const b = runRight(world);
    return b === undefined ? undefined : apply(a, b, world);
  };
  return folded(run, left.constant && right.constant && !readsWorld);
}

/** The right side is looked at only if the left one is `unless`' opposite. */
function shortCircuit(left: Compiled, right: Compiled, decisive: boolean): Compiled {
  const [runLeft, runRight] = [left.run, right.run];
  const run: Run = (world) => {
    const first = runLeft(world);
    if (first === decisive) return decisive;
    if (first !== !decisive) return undefined;
    const second = runRight(world);
    return typeof second === 'boolean' ? second : undefined;
  };
  return folded(run, left.constant && right.constant);
}

function choice(test: Compiled, then: Compiled, otherwise: Compiled): Compiled {
  const run: Run = (world) => {
    const value = test.run(world);
    if (typeof value !== 'boolean') return undefined;
    return value ? then.run(world) : otherwise.run(world);
  };
  return folded(run, test.constant && then.constant && otherwise.constant);
}

const attribute = (of: Compiled, name: string): Compiled =>
  unary(
    of,
    (value, world) => {
      const members = value instanceof EntityRef ? world.attributes(value) : value;
      return members instanceof CedarRecord ? members.get(name) : undefined;
    },
    true,
  );

/** An unknown entity has no attribute; what is neither entity nor record is an error. */
const has = (of: Compiled, names: readonly string[]): Compiled =>
  unary(
    of,
    (value, world) => {
      let at: CedarValue | undefined = value;
      for (const name of names) {
        const members: CedarValue | undefined = at instanceof EntityRef ? world.attributes(at) : at;
        if (members === undefined) return false;
        if (!(members instanceof CedarRecord)) return undefined;
        at = members.get(name);
        if (at === undefined) return false;
      }
      return true;
    },
    true,
  );

function isOf(of: Compiled, type: string, within: Compiled | undefined): Compiled {
  const run: Run = (world) => {
    const entity = of.run(world);
    if (!(entity instanceof EntityRef)) return undefined;
    if (entity.type !== type || !within) return entity.type === type;
    const container = within.run(world);
    return container === undefined ? undefined : isIn(entity, container, world);
  };
  return { run, constant: false };
}

/** All are computed, in order, before any is used. */
function all(parts: readonly Compiled[], make: (values: readonly CedarValue[]) => CedarValue | undefined): Compiled {
  const run: Run = (world) => {
    const values: CedarValue[] = [];
    for (const part of parts) {
      const value = part.run(world);
      if (value === undefined) return undefined;
      values.push(value);
    }
    return make(values);
  };
  return folded(
    run,
    parts.every((part) => part.constant),
  );
}

const variables: Readonly<Record<string, Run>> = {
  principal: (world) => world.principal,
  action: (world) => world.action,
  resource: (world) => world.resource,
  context: (world) => world.context,
};

type Two = { readonly left: Expr; readonly right: Expr };
type Nodes = {
  readonly Value: unknown;
  readonly Var: string;
  readonly '!': { readonly arg: Expr };
  readonly neg: { readonly arg: Expr };
  readonly isEmpty: { readonly arg: Expr };
  readonly '&&': Two;
  readonly '||': Two;
  readonly '.': { readonly left: Expr; readonly attr: string };
  readonly has: { readonly left: Expr; readonly attr: string | readonly string[] };
  readonly like: { readonly left: Expr; readonly pattern: Parameters<typeof wildcard>[0] };
  readonly is: { readonly left: Expr; readonly entity_type: string; readonly in?: Expr };
  readonly 'if-then-else': { readonly if: Expr; readonly then: Expr; readonly else: Expr };
  readonly Set: readonly Expr[];
  readonly Record: Readonly<Record<string, Expr>>;
};

/**
 * Compiles expressions of Cedar's JSON. A whole number that JSON would not carry stands there as an entity of `longType`, see text.ts.
 */
export class ExpressionCompiler {
  /** How many nodes were compiled: what a decision may cost. */
  nodes = 0;

  constructor(private readonly longType: string) {}

  /** Throws {@link UnknownExpression}. */
  compile(expression: Expr): Compiled {
    this.nodes++;
    const [[kind, node] = ['', undefined]] = Object.entries(expression);
    const make = (this.#kinds as Readonly<Record<string, ((node: never) => Compiled) | undefined>>)[kind];
    if (make) return make(node as never);
    const operation = operations.get(kind);
    if (operation) {
      const { left, right } = node as unknown as Two;
      return binary(this.compile(left), this.compile(right), operation, kind === 'in');
    }
    return this.#call(kind, node as unknown as readonly Expr[]);
  }

  #call(name: string, args: readonly Expr[]): Compiled {
    const called = extensionFunctions.get(name);
    if (!called || args.length !== called.arity) throw new UnknownExpression(`the expression ${name} is not supported`);
    return all(
      args.map((arg) => this.compile(arg)),
      ([first, second]) => called.call(first as CedarValue, second as CedarValue),
    );
  }

  #value(value: unknown): Compiled {
    if (typeof value === 'number') return settled(longOf(BigInt(value)));
    if (typeof value === 'boolean' || typeof value === 'string') return settled(value);
    const { type, id } = (value as { readonly __entity?: { type: string; id: string } }).__entity ?? {};
    if (type === undefined || id === undefined) throw new UnknownExpression('a literal is not supported');
    return settled(type === this.longType ? longOf(BigInt(id)) : new EntityRef(type, id));
  }

  /** Cedar reads the smallest number as one literal, though without the sign it is too large. */
  #negated(arg: Expr): Compiled {
    const literal = (arg as { readonly Value?: { readonly __entity?: { type: string; id: string } } }).Value?.__entity;
    if (literal?.type === this.longType) return settled(longOf(-BigInt(literal.id)));
    return unary(this.compile(arg), (value) => (isLong(value) ? negate(value) : undefined));
  }

  readonly #kinds: { readonly [K in keyof Nodes]: (node: Nodes[K]) => Compiled } = {
    Value: (value) => this.#value(value),
    Var: (name) => ({ run: variables[name] as Run, constant: false }),
    '!': ({ arg }) => unary(this.compile(arg), (value) => (typeof value === 'boolean' ? !value : undefined)),
    neg: ({ arg }) => this.#negated(arg),
    isEmpty: ({ arg }) => unary(this.compile(arg), (set) => (set instanceof CedarSet ? set.size === 0 : undefined)),
    '&&': ({ left, right }) => shortCircuit(this.compile(left), this.compile(right), false),
    '||': ({ left, right }) => shortCircuit(this.compile(left), this.compile(right), true),
    '.': ({ left, attr }) => attribute(this.compile(left), attr),
    has: ({ left, attr }) => has(this.compile(left), typeof attr === 'string' ? [attr] : attr),
    like: ({ left, pattern }) => {
      const matches = wildcard(pattern);
      return unary(this.compile(left), (text) => (typeof text === 'string' ? matches(text) : undefined));
    },
    is: (node) => isOf(this.compile(node.left), node.entity_type, node.in && this.compile(node.in)),
    'if-then-else': (node) => choice(this.compile(node.if), this.compile(node.then), this.compile(node.else)),
    Set: (members) =>
      all(
        members.map((member) => this.compile(member)),
        (values) => new CedarSet(values),
      ),
    Record: (members) => {
      const names = Object.keys(members);
      return all(
        names.map((name) => this.compile(members[name] as Expr)),
        (values) => new CedarRecord(new Map(names.map((name, i) => [name, values[i]]))),
      );
    },
  };
}
