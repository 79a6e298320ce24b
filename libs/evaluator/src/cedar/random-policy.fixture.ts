import {
  actions,
  addresses,
  datetimes,
  decimals,
  durations,
  extremes,
  ids,
  longs,
  names,
  oneOf,
  policyTypes,
  texts,
} from './pools.fixture.js';
import type { Dice } from './random.fixture.js';

type Kind = 'bool' | 'long' | 'text' | 'set' | 'record' | 'entity' | 'ip' | 'decimal' | 'datetime' | 'duration';
const kinds: readonly Kind[] = [
  'bool',
  'long',
  'text',
  'set',
  'record',
  'entity',
  'ip',
  'decimal',
  'datetime',
  'duration',
];

const quoted = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
const attribute = (name: string): string => (/^[a-z]+$/.test(name) ? `.${name}` : `[${quoted(name)}]`);

/** Text of random expressions: most are well typed, some are not, and all of the language comes up. */
export class PolicyDice {
  constructor(
    private readonly dice: Dice,
    private readonly wrongKinds = 0.06,
  ) {}

  readonly #leaves: Readonly<Record<Kind, () => string>> = {
    bool: () => this.dice.one(['true', 'false', 'context.flag', 'principal.flag', 'resource.flag']),
    long: () =>
      this.dice.one([
        this.dice.one(longs),
        this.dice.one(this.dice.chance(0.2) ? extremes : longs),
        'context.n',
        'principal.n',
        'resource.n',
        'context.rec.n',
      ]),
    text: () =>
      this.dice.one([
        quoted(this.dice.one(texts)),
        'context.s',
        'principal.s',
        'resource.t',
        'resource.id',
        'principal.type',
        'context.action.name',
      ]),
    set: () =>
      this.dice.one([
        '[]',
        '[1, 2, 2]',
        '["a", "b"]',
        'context.tags',
        'principal.tags',
        'resource.tags',
        '[principal, resource]',
      ]),
    record: () =>
      this.dice.one([
        'context',
        'context.rec',
        'principal.rec',
        'resource.rec',
        '{}',
        'resource.labels',
        'principal.labels',
        'context.action',
      ]),
    entity: () =>
      this.dice.one([
        'principal',
        'resource',
        'action',
        this.entity(),
        'resource.owner',
        `Action::${quoted(this.dice.one(actions))}`,
      ]),
    ip: () => this.dice.one([`ip(${quoted(oneOf(this.dice, addresses))})`, 'ip(context.ip)', 'ip(principal.ip)']),
    decimal: () => this.dice.one([`decimal(${quoted(oneOf(this.dice, decimals))})`, 'decimal(context.price)']),
    datetime: () =>
      this.dice.one([`datetime(${quoted(oneOf(this.dice, datetimes))})`, 'datetime(context.at)', 'context.now']),
    duration: () => `duration(${quoted(oneOf(this.dice, durations))})`,
  };

  readonly #branches: Readonly<Record<Kind, (depth: number) => string>> = {
    bool: (depth) => this.bool(depth),
    long: (depth) => this.long(depth),
    text: (depth) => this.choice('text', depth),
    set: (depth) =>
      `[${Array.from({ length: this.dice.below(4) }, () => this.of(this.dice.one(kinds), depth - 1)).join(', ')}]`,
    record: (depth) =>
      `{${this.dice
        .some(names, 0.2)
        .map((name) => `${quoted(name)}: ${this.of(this.dice.one(kinds), depth - 1)}`)
        .join(', ')}}`,
    entity: (depth) => this.choice('entity', depth),
    ip: (depth) => (this.dice.chance(0.5) ? `ip(${this.of('text', depth - 1)})` : this.choice('ip', depth)),
    decimal: (depth) => this.choice('decimal', depth),
    datetime: (depth) =>
      this.dice.one([
        () => `(${this.of('datetime', depth - 1)}).offset(${this.of('duration', depth - 1)})`,
        () => `(${this.of('datetime', depth - 1)}).toDate()`,
        () => `datetime(${this.of('text', depth - 1)})`,
      ])(),
    duration: (depth) =>
      this.dice.one([
        () => `(${this.of('datetime', depth - 1)}).durationSince(${this.of('datetime', depth - 1)})`,
        () => `(${this.of('datetime', depth - 1)}).toTime()`,
        () => `duration(${this.of('text', depth - 1)})`,
      ])(),
  };

  entity(): string {
    return `${this.dice.one(policyTypes)}::${quoted(this.dice.one(ids))}`;
  }

  of(wanted: Kind, depth: number): string {
    const kind = this.dice.chance(this.wrongKinds) ? this.dice.one(kinds) : wanted;
    if (depth <= 0 || this.dice.chance(0.2)) return this.#leaves[kind]();
    if (this.dice.chance(0.08)) return `(${this.of('record', depth - 1)})${attribute(this.dice.one(names))}`;
    if (this.dice.chance(0.05)) return `(${this.of('entity', depth - 1)})${attribute(this.dice.one(names))}`;
    return this.#branches[kind](depth);
  }

  choice(kind: Kind, depth: number): string {
    return `(if ${this.of('bool', depth - 1)} then ${this.of(kind, depth - 1)} else ${this.of(kind, depth - 1)})`;
  }

  long(depth: number): string {
    const [a, b] = [() => this.of('long', depth - 1), () => this.of('long', depth - 1)];
    const method = this.dice.one(['toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays']);
    return this.dice.one([
      () => `(${a()} + ${b()})`,
      () => `(${a()} - ${b()})`,
      () => `(${a()} * ${b()})`,
      () => `(-(${a()}))`,
      () =>
        `(- -${this.dice.one([...longs, ...extremes]).replace('-', '')})`.replace(
          '- -9223372036854775808',
          '- -9223372036854775807',
        ),
      () => `(${this.of('duration', depth - 1)}).${method}()`,
      () => this.choice('long', depth),
    ])();
  }

  bool(depth: number): string {
    const of = (kind: Kind): string => this.of(kind, depth - 1);
    const any = (): string => of(this.dice.one(kinds));
    const same = this.dice.one(kinds);
    const isPath = this.dice.one([this.dice.one(names), 'rec.n', 'rec.rec.s', 'labels.s']);
    const has = /^[a-z.]+$/.test(isPath) && !isPath.includes('a.b') ? isPath : quoted(isPath);
    return this.dice.one([
      () => `(${of('bool')} && ${of('bool')})`,
      () => `(${of('bool')} || ${of('bool')})`,
      () => not(of('bool')),
      () => `(${of(same)} == ${of(same)})`,
      () => `(${of(same)} != ${any()})`,
      () => `(${of('long')} ${this.dice.one(['<', '<=', '>', '>='])} ${of('long')})`,
      () => `(${of('datetime')} ${this.dice.one(['<', '<=', '>', '>='])} ${of('datetime')})`,
      () => `(${of('duration')} ${this.dice.one(['<', '<=', '>', '>='])} ${of('duration')})`,
      () => `(${of('entity')} in ${this.dice.chance(0.5) ? of('entity') : `[${of('entity')}, ${of('entity')}]`})`,
      () => `(${of(this.dice.one(['record', 'entity']))} has ${has})`,
      () => `(${of('text')} like ${this.pattern()})`,
      () => `(${of('entity')} is ${this.dice.one(policyTypes)})`,
      () => `(${of('entity')} is ${this.dice.one(policyTypes)} in ${of('entity')})`,
      () => `(${of('set')}).contains(${any()})`,
      () => `(${of('set')}).containsAll(${of('set')})`,
      () => `(${of('set')}).containsAny(${of('set')})`,
      () => `(${of('set')}).isEmpty()`,
      () => `(${of('ip')}).${this.dice.one(['isIpv4', 'isIpv6', 'isLoopback', 'isMulticast'])}()`,
      () => `(${of('ip')}).isInRange(${of('ip')})`,
      () =>
        `(${of('decimal')}).${this.dice.one(['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'])}(${of('decimal')})`,
      () => `(${of('entity')}).hasTag(${of('text')})`,
      () => `((${of('entity')}).getTag(${of('text')}) == ${any()})`,
      () => this.choice('bool', depth),
    ])();
  }

  pattern(): string {
    const parts = Array.from({ length: this.dice.below(5) }, () =>
      this.dice.one(['*', 'a', 'b', 'ab', 'c', '\\*', '.', '😀', '-']),
    );
    return `"${parts.join('')}"`;
  }

  scope(variable: 'principal' | 'resource'): string {
    if (this.dice.chance(0.65)) return variable;
    return this.dice.one([
      () => `${variable} == ${this.entity()}`,
      () => `${variable} in ${this.entity()}`,
      () => `${variable} is ${this.dice.one(policyTypes)}`,
      () => `${variable} is ${this.dice.one(policyTypes)} in ${this.entity()}`,
    ])();
  }

  action(): string {
    if (this.dice.chance(0.5)) return 'action';
    const name = () => `${this.dice.chance(0.9) ? '' : 'App::'}Action::${quoted(this.dice.one(actions))}`;
    return this.dice.one([
      () => `action == ${name()}`,
      () => `action in [${name()}, ${name()}]`,
      () => `action in ${name()}`,
    ])();
  }

  policy(depth: number): string {
    const effect = this.dice.chance(0.6) ? 'permit' : 'forbid';
    const conditions = Array.from(
      { length: this.dice.one([0, 1, 1, 1, 1, 2]) },
      () => ` ${this.dice.chance(0.6) ? 'when' : 'unless'} { ${this.of('bool', depth)} }`,
    );
    return `${effect}(${this.scope('principal')}, ${this.action()}, ${this.scope('resource')})${conditions.join('')};`;
  }
}

/** Cedar has no `!-1`: signs of two kinds do not follow one another. */
const not = (operand: string): string => (operand.startsWith('-') ? `(!(${operand}))` : `(!${operand})`);
