import { z } from 'zod';

export const loginMethod = z.enum(['approle', 'jwt', 'kubernetes']);
export type LoginMethod = z.infer<typeof loginMethod>;

const role = { roleId: z.uuid(), method: loginMethod, name: z.string().max(128) };

/**
 * A role that programs log in to, in the stream `login-role:<roleId>`: each incarnation of a name has an id of its own.
 * `settings` are of the method's own shape; what looks like an address or a key in them is masked.
 */
export const loginRoleWritten = z.object({ ...role, settings: z.record(z.string(), z.unknown()) });
export type LoginRoleWritten = z.infer<typeof loginRoleWritten>;

/** With it end the tokens that its logins gave, and its secret ids. */
export const loginRoleRemoved = z.object(role);
export type LoginRoleRemoved = z.infer<typeof loginRoleRemoved>;

/** One more secret id. `secretIdId` is its accessor; its text stands nowhere. */
export const secretIdCreated = z.object({
  roleId: z.uuid(),
  secretIdId: z.uuid(),
  expiresAt: z.iso.datetime().optional(),
  numUses: z.int().min(0),
  networks: z.array(z.string().max(64)).max(64),
  /** True for a text that the caller chose. */
  custom: z.boolean(),
});
export type SecretIdCreated = z.infer<typeof secretIdCreated>;

export const secretIdDestroyed = z.object({ roleId: z.uuid(), secretIdId: z.uuid() });
export type SecretIdDestroyed = z.infer<typeof secretIdDestroyed>;

/** Logins to a role that exists, with what opens nothing. At most one event a minute for each role and reason. */
export const loginFailed = z.object({
  ...role,
  reason: z.string().max(32),
  /** Since the last such event. */
  count: z.int().min(1),
});
export type LoginFailed = z.infer<typeof loginFailed>;

/** How tokens of a method are checked in a tenant; what is secret of it is sealed elsewhere. Stream `login-config:<id>`. */
export const loginConfigWritten = z.object({
  configId: z.uuid(),
  method: loginMethod,
  settings: z.record(z.string(), z.unknown()),
});
export type LoginConfigWritten = z.infer<typeof loginConfigWritten>;

export const loginEvents = {
  'login_role.written': loginRoleWritten,
  'login_role.removed': loginRoleRemoved,
  'secret_id.created': secretIdCreated,
  'secret_id.destroyed': secretIdDestroyed,
  'login.failed': loginFailed,
  'login_config.written': loginConfigWritten,
} as const;
