/**
 * One model of who may what, in plain data, from which each engine's own form is made: 200 users, 1,000 documents and 10
 * roles, where a role permits some actions on every document and some only in the user's own department.
 */
export interface AccessModel {
  readonly users: readonly { readonly id: string; readonly department: string; readonly roles: readonly string[] }[];
  readonly resources: readonly { readonly id: string; readonly department: string }[];
  readonly roles: readonly {
    readonly name: string;
    /** Permitted on every document. */
    readonly everywhere: readonly string[];
    /** Permitted where the departments of user and document are the same. */
    readonly ownDepartment: readonly string[];
  }[];
  readonly checks: readonly Check[];
}

export interface Check {
  /** Place in the list of users and of resources. */
  readonly user: number;
  readonly resource: number;
  readonly action: string;
  readonly expected: boolean;
}

export const resourceType = 'document';
const roleCount = 10;
const departments = 8;
const actionCount = 20;
const checkCount = 10_000;

/** Mulberry32: the same numbers in every run. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const actions = Array.from({ length: actionCount }, (_, i) => `document.do${i}`);
const some = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => actions[(from + i) % actionCount] ?? '');

/** `scale` times the users and documents; roles and checks are as many at every scale. Half of the checks are allowed. */
export function accessModel(scale: number): AccessModel {
  const random = randomNumbers(scale);
  const below = (n: number) => Math.floor(random() * n);
  const roles = Array.from({ length: roleCount }, (_, i) => ({
    name: `role${i}`,
    everywhere: some(i * 2, 3),
    ownDepartment: some(i * 2 + 3, 4),
  }));
  const users = Array.from({ length: 200 * scale }, (_, i) => {
    const first = below(roleCount);
    const second = (first + 1 + below(roleCount - 1)) % roleCount;
    return { id: `u${i}`, department: `d${below(departments)}`, roles: [`role${first}`, `role${second}`] };
  });
  const resources = Array.from({ length: 1_000 * scale }, (_, i) => ({
    id: `doc${i}`,
    department: `d${below(departments)}`,
  }));
  const model = { users, resources, roles };
  const may = handWritten({ ...model, checks: [] });
  const checks: Check[] = [];
  while (checks.length < checkCount) {
    const check = {
      user: below(users.length),
      resource: below(resources.length),
      action: actions[below(actionCount)] ?? '',
    };
    const expected = may(check);
    if (expected === (checks.length % 2 === 0)) checks.push({ ...check, expected });
  }
  // Texts as a parser makes them: joined texts are slow keys, for everybody.
  return JSON.parse(JSON.stringify({ ...model, checks: shuffled(checks, below) })) as AccessModel;
}

function shuffled<T>(values: readonly T[], below: (n: number) => number): T[] {
  const mixed = [...values];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [mixed[i], mixed[j]] = [mixed[j] as T, mixed[i] as T];
  }
  return mixed;
}

/** What somebody would write by hand for this one model: the least an answer can cost. */
export function handWritten({ users, resources, roles }: AccessModel): (check: Omit<Check, 'expected'>) => boolean {
  const sets = new Map(
    roles.map(({ name, everywhere, ownDepartment }) => [
      name,
      { everywhere: new Set(everywhere), ownDepartment: new Set(ownDepartment) },
    ]),
  );
  const people = new Map(
    users.map(({ id, department, roles: names }) => [
      id,
      { department, roles: names.flatMap((name) => sets.get(name) ?? []) },
    ]),
  );
  const departmentOf = new Map(resources.map(({ id, department }) => [id, department]));
  return ({ user, resource, action }) => {
    const who = people.get(users[user]?.id ?? '');
    const department = departmentOf.get(resources[resource]?.id ?? '');
    if (!who) return false;
    for (const role of who.roles) {
      if (role.everywhere.has(action)) return true;
      if (role.ownDepartment.has(action) && who.department === department) return true;
    }
    return false;
  };
}
