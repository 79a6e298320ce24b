import { z } from 'zod';
import { parseDuration } from '../duration.js';
import { flag, flagText, whole } from '../fields.js';

/** What clients send by the address: a path below the mount. Its own rules are those of secrets. */
export const pathParams = z.object({ '*': z.string().max(2_048) });

const maxVersion = 2_147_483_647;

export const versionQuery = z.object({ version: whole(maxVersion).optional() });
export const subkeysQuery = versionQuery.extend({ depth: whole(64).optional() });

const maxNames = 1_000;

export const listQuery = z.object({
  list: flagText.optional(),
  scan: flagText.optional(),
  after: z.string().max(2_048).optional().describe('Names behind this one'),
  limit: whole(maxNames).optional(),
});

const options = z.object({ cas: whole(maxVersion).optional() }).nullish();
const data = z.record(z.string(), z.unknown(), { error: 'no data provided' });

export const writeBody = z.object({ data, options });

/** Go's command line sends numbers as texts, and some clients one text with commas. */
const versionNumbers = z
  .union([z.array(whole(maxVersion)), z.string().regex(/^\d{1,10}(,\d{1,10}){0,999}$/, 'are not numbers of versions')])
  .transform((given) => (typeof given === 'string' ? given.split(',').map(Number) : given))
  .pipe(z.array(z.int().min(1)).min(1, 'No version number provided').max(1_000));

export const versionsBody = z.object({ versions: versionNumbers });

const seconds = z.union([z.string().max(32), z.int()]).transform((given, context) => {
  const parsed = parseDuration(given);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: 'is not a time such as 30s or 3h' });
  return z.NEVER;
});

const settings = z.object({
  max_versions: whole(1_000).optional(),
  cas_required: flag.optional(),
  delete_version_after: seconds.optional(),
});

const maxMembers = 64;
const memberName = z.string().min(1).max(128);
const memberText = z.string().max(512);
const fewMembers = [
  (members: object) => Object.keys(members).length <= maxMembers,
  `has more than ${maxMembers} members`,
] as const;

export const configBody = settings;
export const metadataBody = settings.extend({
  custom_metadata: z
    .record(memberName, memberText)
    .refine(...fewMembers)
    .nullish(),
});
export const metadataPatch = settings.extend({
  custom_metadata: z
    .record(memberName, memberText.nullable())
    .refine(...fewMembers)
    .nullish(),
});

interface SentSettings {
  readonly max_versions?: number | undefined;
  readonly cas_required?: boolean | undefined;
  readonly delete_version_after?: number | undefined;
}

/** What was sent, by our names: what was not sent stays out. */
export const settingsOf = (sent: SentSettings) => ({
  ...(sent.max_versions !== undefined && { maxVersions: sent.max_versions }),
  ...(sent.cas_required !== undefined && { casRequired: sent.cas_required }),
  ...(sent.delete_version_after !== undefined && { deleteVersionAfterSeconds: sent.delete_version_after }),
});
