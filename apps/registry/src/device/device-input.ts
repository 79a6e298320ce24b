import { z } from 'zod';
import { isDeviceName } from './device-name.js';

const maxLabels = 32;
const maxGroups = 32;

export const nameInput = z
  .string()
  .max(63)
  .refine(isDeviceName, 'is 1 to 63 of A-Z a-z 0-9 . _ -, beginning with a letter or digit, and no word of ours');

export const labelKey = z.string().regex(/^[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?$/, 'is no name of a label');
export const labelValue = z.string().regex(/^[A-Za-z0-9._:/+ -]{0,128}$/, 'is no value of a label');

export const labelsInput = z
  .record(labelKey, labelValue)
  .refine((labels) => Object.keys(labels).length <= maxLabels, `has more than ${maxLabels} labels`);

export const groupName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'is no name of a group');
export const groupsInput = z.array(groupName).max(maxGroups);
