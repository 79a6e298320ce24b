import type { Attributes, Condition, Entity, Grant, PolicyDocument, Role, Rule, SelectorRule, Test } from '../model.js';
import type { Dice } from './random.fixture.js';

const users = ['a', 'b', 'c'];
const teams = ['t1', 't2'];
const roleNames = ['r0', 'r1', 'r2'];
const documents = ['d1', 'd2', 'x/1'];
const folders = ['f1', 'f2'];
const actionNames = ['doc.read', 'doc.write', 'doc.x.y', 'note.read'];
const paths = [
  'subject.level',
  'resource.level',
  'context.level',
  'subject.unit',
  'resource.unit',
  'context.unit',
  'subject.id',
  'resource.type',
];

/** What both evaluators are asked about. */
export interface Setting {
  readonly grants: readonly Grant[];
  readonly teamsOf: ReadonlyMap<string, readonly string[]>;
  readonly foldersOf: ReadonlyMap<string, readonly string[]>;
}

/** Documents in the part of our language that Cedar can say too: no null, no list, one type for each attribute. */
export class DocumentDice {
  constructor(private readonly dice: Dice) {}

  #list<T>(of: readonly T[], most = 2): T[] {
    return Array.from({ length: 1 + this.dice.below(most) }, () => this.dice.one(of));
  }

  #test(path: string): Test {
    const isLevel = path.endsWith('level');
    const constant = isLevel ? this.dice.below(4) : this.dice.one(['a', 'b', 'doc', 'unit']);
    const other = { path: this.dice.one(paths.filter((one) => one.endsWith('level') === isLevel)) };
    const operand = this.dice.chance(0.3) ? other : constant;
    const operators: readonly (() => Test)[] = [
      () => operand,
      () => ({ eq: operand }),
      () => ({ not: operand }),
      () => ({ exists: this.dice.chance(0.5) }),
      () => (isLevel ? { lt: operand, gte: this.dice.below(3) } : { prefix: this.dice.one(['', 'a', 'd', 'un']) }),
      () => (isLevel ? { lte: operand } : { not: constant, exists: true }),
      () => (isLevel ? { gt: operand } : constant),
    ];
    return this.dice.one(operators)();
  }

  #condition(depth: number): Condition {
    const path = this.dice.one(paths);
    if (depth <= 0 || this.dice.chance(0.5)) return { [path]: this.#test(path) };
    const parts = () => Array.from({ length: this.dice.below(3) }, () => this.#condition(depth - 1));
    return this.dice.one<() => Condition>([
      () => ({ all: parts() }),
      () => ({ any: parts() }),
      () => ({ not: this.#condition(depth - 1) }),
      () => ({ [path]: this.#test(path), any: parts() }),
    ])();
  }

  #when = (): { when?: Condition } => (this.dice.chance(0.45) ? { when: this.#condition(2) } : {});
  #actions = (): string[] => this.#list([...actionNames, 'doc.*', '*', '*.read', 'doc.x.*']);
  #resources = (): string[] => this.#list(['doc/*', 'doc/d1', 'doc/x/*', 'note/*', '*', 'doc/d2', 'folder/f1']);

  #rule = (): Rule => ({
    effect: this.dice.chance(0.75) ? 'permit' : 'forbid',
    actions: this.#actions(),
    ...(this.dice.chance(0.6) && { resources: this.#resources() }),
    ...this.#when(),
  });

  /** A role inherits from earlier ones only: no circles. */
  #role = (name: string, i: number): Role => ({
    name,
    rules: Array.from({ length: 1 + this.dice.below(3) }, this.#rule),
    ...(i > 0 &&
      this.dice.chance(0.4) && {
        inherits: this.#list(roleNames.slice(0, i)).filter((one, at, of) => of.indexOf(one) === at),
      }),
  });

  #selector = (_: unknown, i: number): SelectorRule => ({
    type: 'selector',
    id: `s${i}`,
    effect: this.dice.chance(0.6) ? 'permit' : 'forbid',
    who: this.dice.one<() => SelectorRule['who']>([
      () => ({ anyone: true }),
      () => ({ users: this.#list(users) }),
      () => ({ teams: this.#list(teams), users: this.#list(users) }),
      () => [{ teams: this.#list(teams) }, { users: this.#list(users) }],
      () => ({ roles: this.#list(roleNames) }),
      () => ({ subjects: this.#list(['user/*', 'user/a', 'bot/*']) }),
    ])(),
    ...(this.dice.chance(0.5) && {
      what: this.dice.one<() => NonNullable<SelectorRule['what']>>([
        () => ({ types: this.#list(['doc', 'note', 'folder']) }),
        () => [{ resources: this.#resources() }, { types: ['note'] }],
        () => ({ labels: { env: this.dice.one<string | readonly string[]>(['prod', '*', ['prod', 'dev']]) } }),
      ])(),
    }),
    ...(this.dice.chance(0.8) && { actions: this.#actions() }),
    ...this.#when(),
  });

  document(): PolicyDocument {
    return {
      roles: roleNames.map(this.#role),
      rules: Array.from({ length: this.dice.below(4) }, this.#selector),
    };
  }

  setting(): Setting {
    const subjects: Entity[] = [
      ...users.map((id) => ({ type: 'user', id })),
      ...teams.map((id) => ({ type: 'team', id })),
    ];
    const scopes: readonly Grant['scope'][] = [
      '*',
      { type: 'folder', id: 'f1' },
      { type: 'folder', id: 'f2' },
      { type: 'doc', id: 'd1' },
    ];
    return {
      grants: Array.from({ length: 2 + this.dice.below(6) }, (_, i) => ({
        ...{ id: `g${i}`, subject: this.dice.one(subjects) },
        ...{ role: this.dice.one([...roleNames, 'unknown']), scope: this.dice.one(scopes) },
      })),
      teamsOf: new Map(users.map((id) => [id, this.dice.some(teams, 0.4)])),
      foldersOf: new Map(documents.map((id) => [id, this.dice.some(folders, 0.5)])),
    };
  }

  attributes(): Attributes {
    const given: Record<string, number | string> = {};
    if (this.dice.chance(0.6)) given.level = this.dice.below(4);
    if (this.dice.chance(0.6)) given.unit = this.dice.one(['a', 'b', 'unit']);
    return given;
  }

  names = () => ({
    subject: { type: this.dice.chance(0.95) ? 'user' : 'bot', id: this.dice.one(users) },
    action: { name: this.dice.one([...actionNames, 'doc.delete']) },
    resource: this.dice.one<Entity>([
      ...documents.map((id) => ({ type: 'doc', id })),
      { type: 'note', id: 'n' },
      { type: 'folder', id: 'f1' },
    ]),
  });

  labels = () => (this.dice.chance(0.6) ? { env: this.dice.one(['prod', 'dev', 'test']) } : {});
}
