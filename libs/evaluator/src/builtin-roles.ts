import type { Role, Rule } from './model.js';

const permit = (actions: readonly string[], resources?: readonly string[]): Rule =>
  resources ? { effect: 'permit', actions, resources } : { effect: 'permit', actions };

/** Named one by one: a scope that somebody adds later is production until it is listed here. */
const nonProduction = ['scope/development', 'scope/test', 'scope/preview', 'scope/staging'];

/** Secrets are named `<scope>/<name>`. */
const nonProductionSecrets = nonProduction.map((scope) => `secret/${scope.slice('scope/'.length)}/*`);

/** What an admin hands out: of custom roles those that hold nothing he has not (see `isWithinCeiling`). */
const rolesBelowOwner = [
  ...['role/admin', 'role/maintainer', 'role/developer', 'role/user', 'role/viewer'],
  'role/custom/*',
];

/** What is done on a device; whoever may one of these on it may open a session of that kind. */
const deviceSessions = [
  ...['device.shell', 'device.exec', 'device.files.read', 'device.files.write'],
  ...['device.forward', 'device.logs', 'device.metrics'],
];

const viewer = [permit(['tenant.read', 'project.read', 'logs.read', 'token.mint', 'device.read'])];

const user = [...viewer, permit(['environment.read', 'domain.read', 'members.read', 'team.read'])];

const developer = [
  ...user,
  permit(['deploy.preview', 'secret.list', 'decision.evaluate', 'decision.search', 'token.create']),
  permit(deviceSessions),
  permit(['secret.read', 'secret.write', 'environment.write', 'service.operate'], nonProduction),
  permit(['secret.read', 'secret.write'], nonProductionSecrets),
];

/** "Can deploy, manage env, and operate services." */
const maintainer = [
  ...user,
  permit(['deploy.*', 'secret.list', 'secret.read', 'secret.write', 'environment.*', 'service.operate']),
  permit(['project.write', 'domain.write', 'members.invite', 'role.read', 'policy.read']),
  permit(['decision.evaluate', 'decision.search', 'token.create']),
  permit(deviceSessions),
];

/** Everything but an owner's own: granting `owner`, closing the tenant. */
const admin = [
  permit(['tenant.read', 'tenant.update', 'project.*', 'environment.*', 'domain.*', 'service.*', 'deploy.*', 'logs.*']),
  permit(['secret.*', 'members.*', 'team.*', 'billing.*', 'key.*', 'client.*', 'audit.*', 'policy.*', 'projection.*']),
  permit(['role.read', 'decision.evaluate', 'decision.search', 'token.*', 'audience.*', 'alert.*', 'idp.*']),
  permit(['fact.read', 'fact.write', 'resource.share']),
  permit(['seal.*', 'transit.*', 'database.*', 'lease.*', 'approle.*', 'login.*', 'device.*']),
  permit(['role.grant', 'role.revoke'], rolesBelowOwner),
];

/**
 * The roles every tenant has. They only permit: what they deny, they deny by silence, so that somebody who is developer
 * of the tenant and maintainer of one project is not kept from deploying it. Each role may do what those after it may.
 */
export const builtinRoles: readonly Role[] = [
  { name: 'owner', rules: [permit(['*'])] },
  { name: 'admin', rules: admin },
  { name: 'maintainer', rules: maintainer },
  { name: 'developer', rules: developer },
  { name: 'user', rules: user },
  { name: 'viewer', rules: viewer },
];

/** In falling order of what they may do. */
export const builtinRoleNames = ['owner', 'admin', 'maintainer', 'developer', 'user', 'viewer'] as const;
export type BuiltinRoleName = (typeof builtinRoleNames)[number];
