import { transitKeyTypes } from '@gatehouse/contracts';
import { z } from 'zod';
import { flag, flagText, whole } from '../dialect/fields.js';
import { hashNames } from './signature.js';

export const maxItems = 1_000;

const name = z.string().regex(/^\w(?:[\w.-]{0,126}\w)?$/, 'is not 1 to 128 of A-Z, a-z, 0-9, _, . and -');
export const keyParams = z.object({ name });

const base64Text = z.string().max(700_000);
const shortText = z.string().max(4_096);
const keyVersion = whole(1_000_000).optional();
const isOff = (what: string) => flag.pipe(z.literal(false, { error: what })).optional();
const hash = z.enum(hashNames);
export const hashParams = keyParams.extend({ hash });

/** One item or several, of the same form; what stands outside of `batch_input` is for a single one. */
const batchOf = <S extends z.ZodRawShape>(shape: S) => ({
  ...shape,
  batch_input: z
    .array(z.object({ ...shape, reference: z.string().max(256).optional() }))
    .min(1)
    .max(maxItems)
    .optional(),
  partial_failure_response_code: whole(599).pipe(z.int().min(200)).optional(),
});

const uses = { context: shortText.optional(), associated_data: shortText.optional() };

const plaintext = base64Text.optional();
const ciphertext = base64Text.optional();
const input = base64Text.optional();

export const encryptBody = z.object(
  batchOf({
    ...{ plaintext, ...uses, key_version: keyVersion },
    nonce: z.undefined({ error: 'is chosen by the vault' }).optional(),
  }),
);
export const decryptBody = z.object(batchOf({ ciphertext, ...uses }));
export const rewrapBody = z.object(batchOf({ ciphertext, ...uses, key_version: keyVersion }));
export const dataKeyBody = z
  .object({
    bits: whole(512)
      .pipe(z.literal([128, 256, 512]))
      .default(256),
    ...uses,
    key_version: keyVersion,
  })
  .default({ bits: 256 });

const form = {
  hash_algorithm: hash.optional(),
  /** The former name of `hash_algorithm`. */
  algorithm: hash.optional(),
  marshaling_algorithm: z.enum(['asn1', 'jws']).optional(),
  signature_algorithm: z.enum(['pss', 'pkcs1v15']).optional(),
  salt_length: z.enum(['auto', 'hash']).optional(),
  prehashed: isOff('is not supported: send what is to be signed'),
};
export const signBody = z.object({ ...batchOf({ input, key_version: keyVersion }), ...form });
export const verifyBody = z.object({
  ...batchOf({ input, signature: base64Text.optional(), hmac: base64Text.optional() }),
  ...form,
});
export const hmacBody = z.object({ ...batchOf({ input, key_version: keyVersion }), algorithm: hash.optional() });

const never = (what: string) => isOff(`${what} is not supported`);
export const createBody = z
  .object({
    type: z.enum(transitKeyTypes).default('aes256-gcm96'),
    derived: flag.default(false),
    convergent_encryption: never('convergent encryption'),
    exportable: never('exporting keys'),
    allow_plaintext_backup: never('exporting keys'),
  })
  .default({ type: 'aes256-gcm96', derived: false });
export const configBody = z.object({
  min_decryption_version: whole(1_000_000).optional(),
  min_encryption_version: whole(1_000_000).optional(),
  deletion_allowed: flag.optional(),
  exportable: never('exporting keys'),
  allow_plaintext_backup: never('exporting keys'),
});
export const listQuery = z.object({ list: flagText.optional() });
