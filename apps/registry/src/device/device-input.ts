import { safeParse } from '@gatehouse/schema';
import { z } from 'zod';
import { isDeviceName } from './device-name.js';

const maxLabels = 32;
const maxGroups = 32;

export const nameInput = z
  .string()
  .max(63)
  .refine(isDeviceName, 'is 1 to 63 of A-Z a-z 0-9 . _ -, beginning with a letter or digit, and no word of ours');

export const labelKey = z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/, 'is no name of a label');
export const labelValue = z.string().regex(/^[A-Za-z0-9._:/+ -]{0,128}$/, 'is no value of a label');

export const labelsInput = z
  .record(labelKey, labelValue)
  .refine((labels) => Object.keys(labels).length <= maxLabels, `has more than ${maxLabels} labels`);

export const groupName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'is no name of a group');
export const groupsInput = z.array(groupName).max(maxGroups);

/** `site=berlin,env=prod`: all of them. */
export const labelSelector = z
  .string()
  .max(2_048)
  .transform((text, context) => {
    const pairs = text.split(',').map((pair) => {
      const equals = pair.indexOf('=');
      return [pair.slice(0, Math.max(0, equals)), pair.slice(equals + 1)] as const;
    });
    const parsed = safeParse(labelsInput, Object.fromEntries(pairs));
    if (parsed.success) return parsed.data;
    context.addIssue({ code: 'custom', message: 'is not NAME=VALUE, several with commas' });
    return z.NEVER;
  });

/** Decided in the handler, which knows the device; policy weighs the scopes there. */
export const decidedInside = { kind: 'authenticated', anyScope: true } as const;
export const deviceParams = z.object({ device: z.string().min(1).max(253).describe('Id, name or host name') });
export const pageQuery = { limit: z.coerce.number().int().min(1).max(200).default(50) };
