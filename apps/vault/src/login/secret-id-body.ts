import { z } from 'zod';
import { tokenLimits } from '../token/token-terms.js';
import { durationUpTo } from './duration-field.js';
import { countUpTo, jsonOf } from './fields.js';
import { networkList } from './networks.js';
import type { SecretId } from './secret-ids.service.js';

const metadata = z
  .record(z.string().max(128), z.string().max(512))
  .refine((given) => Object.keys(given).length <= 64, 'has at most 64 members');

const terms = {
  /** The dialect sends it as a text that holds JSON. */
  metadata: jsonOf(metadata).default({}),
  cidr_list: networkList.default([]),
  token_bound_cidrs: networkList.default([]),
  num_uses: countUpTo(tokenLimits.numUses).optional(),
  ttl: durationUpTo(tokenLimits.maxTtl).optional(),
};

export const secretIdBody = {
  generated: z.strictObject({ ...terms, secret_id: z.undefined().optional() }),
  // Whoever can guess a text of people logs in: 20 characters are the least that is taken.
  custom: z.strictObject({ ...terms, secret_id: z.string().min(20, 'must have 20 to 512 characters').max(512) }),
} as const;

const timeOf = (ms: number | null): string => (ms === null ? '0001-01-01T00:00:00Z' : new Date(ms).toISOString());

export const secretIdView = (found: SecretId) => ({
  cidr_list: found.networks,
  creation_time: timeOf(found.createdAtMs),
  expiration_time: timeOf(found.expiresAtMs),
  last_updated_time: timeOf(found.createdAtMs),
  metadata: found.metadata,
  secret_id_accessor: found.secretIdId,
  secret_id_num_uses: found.numUses === 0 ? 0 : found.numUses - found.uses,
  secret_id_ttl: found.ttlSeconds,
  token_bound_cidrs: found.tokenNetworks,
});
