import { z } from 'zod';

const name = z.string();

/** A target for credentials. Its password is sealed elsewhere, under `databaseId` and `secretVersion`. */
export const databaseConfigured = z.object({
  name,
  /** Another one after a removal. */
  databaseId: z.uuid(),
  host: z.string(),
  port: z.int(),
  database: z.string(),
  username: z.string(),
  sslmode: z.enum(['disable', 'require', 'verify-ca', 'verify-full']),
  /** PEM, public. */
  tlsCa: z.string().optional(),
  tlsCertificate: z.string().optional(),
  tlsServerName: z.string().optional(),
  passwordAuthentication: z.enum(['scram-sha-256', 'password']),
  allowedRoles: z.array(z.string()),
  /** PostgreSQL's own system identifier: another server under the same address is noticed by it. */
  targetId: z.string(),
  secretVersion: z.int(),
});
export type DatabaseConfigured = z.infer<typeof databaseConfigured>;

export const databaseRemoved = z.object({ name });
export type DatabaseRemoved = z.infer<typeof databaseRemoved>;

/** The new password is sealed as `secretVersion`; the old one is kept until it is confirmed. */
export const databaseRootRotationStarted = z.object({ name, secretVersion: z.int() });
export type DatabaseRootRotationStarted = z.infer<typeof databaseRootRotationStarted>;

export const databaseRootRotated = databaseRootRotationStarted;
export type DatabaseRootRotated = z.infer<typeof databaseRootRotated>;

/** Leases there cannot be kept: nothing is concluded and nothing forgotten until it is back. */
export const databaseUnreachable = z.object({ name, error: z.string(), failures: z.int() });
export type DatabaseUnreachable = z.infer<typeof databaseUnreachable>;

export const databaseReachable = z.object({ name });
export type DatabaseReachable = z.infer<typeof databaseReachable>;

export const databaseRoleWritten = z.object({
  name,
  database: z.string(),
  creationStatements: z.array(z.string()),
  revocationStatements: z.array(z.string()),
  renewStatements: z.array(z.string()),
  defaultTtlSeconds: z.int(),
  maxTtlSeconds: z.int(),
});
export type DatabaseRoleWritten = z.infer<typeof databaseRoleWritten>;

export const databaseRoleRemoved = z.object({ name });
export type DatabaseRoleRemoved = z.infer<typeof databaseRoleRemoved>;

export const staticRoleWritten = z.object({
  name,
  roleId: z.uuid(),
  database: z.string(),
  username: z.string(),
  rotationPeriodSeconds: z.int(),
  rotationStatements: z.array(z.string()),
  /** When the password is to be changed next. */
  nextAt: z.iso.datetime(),
});
export type StaticRoleWritten = z.infer<typeof staticRoleWritten>;

export const staticRoleRotationStarted = z.object({ name, secretVersion: z.int() });
export type StaticRoleRotationStarted = z.infer<typeof staticRoleRotationStarted>;

export const staticRoleRotated = staticRoleRotationStarted.extend({ nextAt: z.iso.datetime() });
export type StaticRoleRotated = z.infer<typeof staticRoleRotated>;

/** Once a rotation: it could not be made for so many attempts. They go on. */
export const staticRoleRotationFailing = z.object({ name, failures: z.int(), error: z.string() });
export type StaticRoleRotationFailing = z.infer<typeof staticRoleRotationFailing>;

export const staticRoleRemoved = z.object({ name });
export type StaticRoleRemoved = z.infer<typeof staticRoleRemoved>;

export const databaseEvents = {
  'database.configured': databaseConfigured,
  'database.removed': databaseRemoved,
  'database.root_rotation_started': databaseRootRotationStarted,
  'database.root_rotated': databaseRootRotated,
  'database.unreachable': databaseUnreachable,
  'database.reachable': databaseReachable,
  'database_role.written': databaseRoleWritten,
  'database_role.removed': databaseRoleRemoved,
  'static_role.written': staticRoleWritten,
  'static_role.rotation_started': staticRoleRotationStarted,
  'static_role.rotated': staticRoleRotated,
  'static_role.rotation_failing': staticRoleRotationFailing,
  'static_role.removed': staticRoleRemoved,
} as const;
