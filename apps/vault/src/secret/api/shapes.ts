import { z } from 'zod';
import { pathLimits } from '../path.js';

export const customMetadata = z
  .record(z.string().min(1).max(128), z.string().max(512))
  .refine((given) => Object.keys(given).length <= 64, 'has more than 64 members')
  .describe('Not secret: who may list the secret reads it');

export const versionNumber = z.int().min(1).max(2_147_483_647);
export const cas = z
  .int()
  .min(0)
  .max(2_147_483_647)
  .describe('Version that the caller has seen; 0: the secret must not exist yet');
/** RFC 3339 with any offset; in the future by the vault's clock. */
export const expiresAt = z.iso
  .datetime({ offset: true })
  .refine((text) => Date.parse(text) > Date.now(), 'is not in the future')
  .transform((text) => new Date(text).toISOString());

export const settings = {
  maxVersions: z.int().min(0).max(1_000).describe("0: the tenant's, or 10"),
  casRequired: z.boolean(),
  deleteVersionAfterSeconds: z.int().min(0).max(315_360_000).describe('0: never'),
};

/** Of a request that writes. */
export const bodyLimitBytes = 1_048_576;

export const referenceText = z.string().min(1).max(800);

const contentMembers = {
  value: z.string().optional(),
  valueBase64: z.base64().optional(),
  data: z.record(z.string(), z.unknown()).optional(),
  cas: cas.optional(),
  expiresAt: expiresAt.optional(),
  customMetadata: customMetadata.nullable().optional(),
};

type Contents = Readonly<Record<'value' | 'valueBase64' | 'data', unknown>>;

const isOneContent = ({ value, valueBase64, data }: Partial<Contents>): boolean =>
  [value, valueBase64, data].filter((one) => one !== undefined).length === 1;

const oneContent = 'has one of value, valueBase64 and data';

/** The content as a value of text, as bytes in base64, or as an object. */
export const content = z.strictObject(contentMembers).refine(isOneContent, oneContent);

/** Secrets in one request. */
export const maxSecrets = 64;

const namedPath = z.string().min(1).max(pathLimits.bytes);

export const wantedSecret = z
  .strictObject({ path: namedPath.optional(), reference: referenceText.optional(), version: versionNumber.optional() })
  .refine(({ path, reference }) => (path === undefined) !== (reference === undefined), 'has either path or reference');

export const namedContent = z.strictObject({ path: namedPath, ...contentMembers }).refine(isOneContent, oneContent);

const summary = {
  createdAt: z.iso.datetime(),
  createdBy: z.object({ type: z.string(), id: z.string() }),
  deletedAt: z.iso.datetime().nullable(),
  destroyed: z.boolean(),
  expiresAt: z.iso.datetime().nullable(),
};

export const versionShape = z.object({
  path: z.string(),
  version: z.int(),
  secretId: z.uuid(),
  ...summary,
  customMetadata: customMetadata.nullable(),
  revision: z.int(),
  reference: z.string().nullable().describe('secret://<tenant>/<scope>/<name>; null for a name that has none'),
});

export const writtenShape = versionShape.extend({ warnings: z.array(z.string()) });

export const readShape = versionShape.extend({
  data: z.record(z.string(), z.unknown()),
  value: z.string().optional().describe('Where the content is a single text'),
  valueBase64: z.base64().optional().describe('Where the content is bytes'),
});

export const metadataShape = z.object({
  path: z.string(),
  secretId: z.uuid(),
  currentVersion: z.int(),
  oldestVersion: z.int(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  ...settings,
  customMetadata: customMetadata.nullable(),
  versions: z.record(z.string(), z.object(summary)),
  revision: z.int(),
  reference: z.string().nullable(),
});

const failedShape = z.object({
  ok: z.literal(false),
  error: z
    .looseObject({
      type: z.string(),
      title: z.string(),
      status: z.int(),
      code: z.string(),
      detail: z.string().optional(),
    })
    .describe('The problem document that this secret alone would have been answered with'),
});

/** One result for each secret that was asked for, in that order. */
export const resultsOf = <T extends z.ZodRawShape>(shape: z.ZodObject<T>) =>
  z.object({ results: z.array(z.union([shape.extend({ ok: z.literal(true) }), failedShape])) });
