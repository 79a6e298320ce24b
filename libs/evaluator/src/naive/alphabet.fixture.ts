import type { Attributes, Entity, Value } from '../model.js';

// Few names, so that random rules meet random requests; among them those that break careless code.

export const tenants = ['acme', 'umbrella'] as const;

export const subjects: readonly Entity[] = [
  { type: 'user', id: 'u1' },
  { type: 'user', id: 'u2' },
  { type: 'user', id: 'Alice' },
  { type: 'user', id: '__proto__' },
  { type: 'user', id: 'é/ü' },
  { type: 'service', id: 'ci' },
  { type: 'service', id: 'build/a' },
  { type: 'team', id: 't1' },
  { type: 'org', id: 'acme' },
  { type: 'constructor', id: 'toString' },
];

export const groups: readonly Entity[] = [
  { type: 'team', id: 't1' },
  { type: 'team', id: 't2' },
  { type: 'org', id: 'umbrella' },
  { type: 'squad', id: '__proto__' },
];

/** Whom a grant or an ownership names. */
export const holders: readonly Entity[] = [...subjects, ...groups, { type: 'org', id: 'acme' }];

export const resources: readonly Entity[] = [
  { type: 'project', id: 'p1' },
  { type: 'project', id: 'p2' },
  { type: 'secret', id: 'staging/a' },
  { type: 'secret', id: 'staging/' },
  { type: 'secret', id: 'prod' },
  { type: 'scope', id: 'production' },
  { type: 'scope', id: 'staging' },
  { type: 'doc', id: 'd1' },
  { type: 'doc', id: '*' },
  { type: 'folder', id: 'f1' },
  { type: 'folder', id: 'f2' },
  { type: 'folder', id: '__proto__' },
  { type: 'role', id: 'viewer' },
  { type: 'user', id: 'u1' },
];

export const containers: readonly Entity[] = resources.filter(({ type }) =>
  ['project', 'folder', 'scope'].includes(type),
);

export const resourcePatterns = [
  '*',
  'production',
  'staging',
  'project/*',
  'project/p1',
  'secret/*',
  'secret/staging/*',
  'secret/staging/a',
  'secret/prod',
  'doc/*',
  'folder/f1',
  'folder/__proto__',
  'role/viewer',
  'user/*',
  'scope/*',
] as const;

export const subjectPatterns = [
  '*',
  'user/*',
  'user/u1',
  'service/*',
  'service/build/*',
  'team/t1',
  'user/__proto__',
] as const;

export const actions = [
  'doc.read',
  'doc.write',
  'doc.page.read',
  'deploy.production',
  'deploy.preview',
  'secret.read',
  'secret.write',
  'logs.read',
  'project.read',
  'policy.read',
  'policy.activate',
  'policy.',
  'role.grant',
  'role.read',
  'tenant.update',
  'tenant.read',
  'decision.evaluate',
  'read',
  'Policy.read',
  'constructor',
  '__proto__',
  '*',
  'doc.*',
] as const;

export const actionPatterns = [
  '*',
  '*',
  'doc.*',
  'doc.read',
  'doc.page.*',
  '*.read',
  '*.write',
  '*.page.read',
  'deploy.*',
  'deploy.production',
  'secret.*',
  'secret.read',
  'role.*',
  'role.grant',
  'tenant.*',
  'policy.*',
  'policy.read',
  'logs.read',
  'read',
  'constructor',
  '__proto__',
] as const;

export const customRoles = ['reader', 'editor', 'ops', 'constructor'] as const;
export const relations = ['assignee', 'reader', '__proto__'] as const;
export const labelKeys = ['env', 'team', 'app.kubernetes.io/name', 'constructor'] as const;
export const labelValues = ['prod', 'dev', '', 'x'] as const;

export const accessPatterns = [
  'u1',
  'U1',
  'alice',
  'a*',
  '*',
  'u?',
  'u[1-2]',
  'u[!1]',
  '[a-c]lice',
  '*_*',
  'service/*',
  'SERVICE/C?',
  'user/[!a]*',
  'é/ü',
  'user/É/*',
  'regex:u[12]',
  'regex:[a-z]+',
  'regex:(user|service)/.*',
  'regex:ALICE|u2',
  'regex:u',
  'regex:',
] as const;

export const addresses = [
  '10.0.0.1',
  '10.1.2.3',
  '192.168.7.9',
  '::ffff:10.0.0.1',
  '::FFFF:a00:1',
  '2001:db8::1',
  '2001:DB8:0:0:0:0:0:2',
  '::',
  '::1',
  '10.0.0.256',
  '010.0.0.1',
  '10.0.0',
  '1::2::3',
  ' 10.0.0.1',
  '2001:db8::g',
] as const;

export const networks = [
  '10.0.0.0/8',
  '10.0.0.0/31',
  '0.0.0.0/0',
  '192.168.7.9/32',
  '2001:db8::/32',
  '::/0',
  '::1/128',
  '10.9.9.9/8',
  '10.0.0.1',
  '::ffff:10.0.0.0/104',
  '2001:db8::1',
] as const;

export const scalars: readonly Value[] = [
  null,
  true,
  false,
  0,
  -0,
  1,
  2,
  1.5,
  -3,
  10,
  'x',
  'xy',
  'X',
  '',
  '1',
  'é',
  'user/u1',
  'u1',
];

export const propertyNames = [
  'a',
  'b',
  'list',
  'deep',
  'ip',
  'constructor',
  'length',
  'id',
  'labels',
  'owner',
  'name',
] as const;
/** What is looked for inside of an attribute. */
export const memberNames = ['a', 'b', 'length', '0', 'toString', '__proto__'] as const;

/** An object with a member of that very name, as JSON makes it and a literal does not. */
export const withProto = (value: Value): Attributes =>
  JSON.parse(`{"__proto__":${JSON.stringify(value)}}`) as Attributes;

export const moments: readonly number[] = [
  Date.UTC(2026, 10, 22, 23, 59, 59, 999),
  Date.UTC(2026, 10, 23),
  Date.UTC(2026, 1, 28, 12, 30),
  Date.UTC(2027, 0, 1, 0, 0, 0, 1),
  0,
];
