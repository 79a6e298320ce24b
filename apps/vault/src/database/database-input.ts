import { maskSecrets } from '@gatehouse/telemetry';
import { z } from 'zod';
import { parseDuration } from '../dialect/duration.js';
import { assertTemplate, type Placeholder } from './statements.js';

/** Names are recorded in clear for ever, so none may be a key in the wrong field. */
export const entryName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/)
  .refine((text) => maskSecrets(text) === text, 'holds a key or a token');

const day = 86_400;

/** Seconds, as a number or in Go's form (`1h`). */
export const seconds = (min: number, max: number) =>
  z.union([z.number(), z.string().max(32)]).transform((given, context) => {
    const parsed = parseDuration(given);
    if (parsed !== undefined && parsed >= min && parsed <= max) return parsed;
    context.addIssue({ code: 'custom', message: `must be a time of ${min} to ${max} seconds` });
    return z.NEVER;
  });

const problemOf = (template: string, allowed: readonly Placeholder[]): string | undefined => {
  try {
    assertTemplate(template, allowed);
    if (maskSecrets(template) !== template) return 'holds a password or a key, and is recorded for ever';
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};

/** One text or a list of them, as Vault's clients send it. */
const statements = (allowed: readonly Placeholder[]) =>
  z
    .union([z.string().max(16_384), z.array(z.string().max(16_384)).max(32)])
    .transform((given) => (typeof given === 'string' ? [given] : given).filter((text) => text.trim() !== ''))
    .superRefine((given, context) => {
      if (given.join('').length > 32_768)
        context.addIssue({ code: 'custom', message: 'is longer than 32768 characters' });
      for (const [i, text] of given.entries()) {
        const message = problemOf(text, allowed);
        if (message !== undefined) context.addIssue({ code: 'custom', path: [i], message });
      }
    });

const names = z
  .union([z.string().max(4_096), z.array(z.string().max(64)).max(256)])
  .transform((given) =>
    (typeof given === 'string' ? given.split(',') : given).map((name) => name.trim()).filter(Boolean),
  )
  .pipe(z.array(z.union([z.literal('*'), entryName])).max(256));

const pem = z
  .string()
  .max(32_768)
  .regex(/^\s*-----BEGIN [A-Z ]+-----/);

/** Of the dialect's `database/config/:name`; our own API takes the same members. */
export const databaseInput = z.strictObject({
  plugin_name: z.literal('postgresql-database-plugin').default('postgresql-database-plugin'),
  connection_url: z.string().min(1).max(1_024),
  username: z.string().min(1).max(63).optional(),
  password: z.string().min(1).max(1_024).optional(),
  allowed_roles: names.default([]),
  password_authentication: z.enum(['scram-sha-256', 'password']).default('scram-sha-256'),
  tls_ca: pem.optional(),
  tls_certificate: pem.optional(),
  private_key: pem.optional(),
  tls_server_name: z.string().max(253).optional(),
  verify_connection: z.literal(true, { error: 'is always done here' }).default(true),
  /** Leases of the server that stood under this name before are given up. */
  abandon_leases: z.boolean().default(false),
});
export type DatabaseInput = z.output<typeof databaseInput>;

export const roleInput = z
  .strictObject({
    db_name: entryName,
    creation_statements: statements(['name', 'username', 'password', 'expiration']).refine(
      (given) => given.length > 0,
      'must hold a statement',
    ),
    revocation_statements: statements(['name', 'username']).default([]),
    renew_statements: statements(['name', 'username', 'expiration']).default([]),
    default_ttl: seconds(0, 366 * day).default(0),
    max_ttl: seconds(0, 366 * day).default(0),
  })
  .transform(({ default_ttl, max_ttl, ...rest }) => {
    const maxTtl = max_ttl === 0 ? Math.max(day, default_ttl) : max_ttl;
    return { ...rest, max_ttl: maxTtl, default_ttl: default_ttl === 0 ? Math.min(3_600, maxTtl) : default_ttl };
  })
  .refine((role) => role.default_ttl <= role.max_ttl, { path: ['default_ttl'], message: 'is above max_ttl' })
  .refine((role) => role.default_ttl >= 2, { path: ['default_ttl'], message: 'must be 2 seconds at least' });
export type RoleInput = z.output<typeof roleInput>;

export const staticRoleInput = z.strictObject({
  db_name: entryName,
  username: z
    .string()
    .regex(/^[^\p{Cc}"\\]{1,63}$/u)
    .refine((name) => !name.startsWith('gh_'), 'is the name of a lease'),
  rotation_period: seconds(5, 366 * day),
  rotation_statements: statements(['name', 'username', 'password']).default([]),
});
export type StaticRoleInput = z.output<typeof staticRoleInput>;
