import { memberRole } from '@gatehouse/contracts';
import { z } from 'zod';
import { domainPattern } from '../domain.js';

const line = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^\P{Cc}*$/u, 'has a control character');

const domain = z
  .string()
  .max(253)
  .transform((text) => text.toLowerCase())
  .refine((text) => domainPattern.test(text), 'is not a domain in its ASCII form, such as example.org');

const maxGroups = 200;

/** What may change in the life of a provider. */
export const providerSettings = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'is not lower-case letters, digits and hyphens, at most 63'),
  clientId: line(256),
  domains: z.array(domain).max(100).default([]),
  requireApproval: z.boolean().default(false),
  defaultRole: memberRole.optional(),
  /** `groups`, or a path such as `realm_access.roles`. */
  groupsClaim: line(256).optional(),
  groupRoles: z
    .record(line(256), memberRole)
    .refine((roles) => Object.keys(roles).length <= maxGroups, `names more than ${maxGroups} groups`)
    .default({}),
  endMembership: z.boolean().default(false),
  acceptTokens: z.strictObject({ audience: line(256) }).optional(),
});

export const clientSecret = line(512);

/** The issuer is compared to the letter with what it says itself, and never changes. */
export const newProvider = providerSettings.extend({ issuer: z.url().max(512), clientSecret: clientSecret.optional() });

/** Without `clientSecret` the stored one stays; null takes it away. */
export const changedProvider = providerSettings.extend({ clientSecret: clientSecret.nullable().optional() });
