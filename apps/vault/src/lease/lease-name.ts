import { createHash } from 'node:crypto';

/** RFC 4648 base32 in small letters: safe in a role's name and in an address, whoever folds case. */
const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
const idLength = 26;

export const leaseIdPattern = /^[a-z2-7]{26}$/;

/** The id of a lease: 16 random bytes in 26 characters. */
export function leaseIdOf(random: Uint8Array): string {
  if (random.length !== 16) throw new RangeError('a lease id is made of 16 bytes');
  let bits = BigInt(`0x${Buffer.from(random).toString('hex')}`) << 2n;
  let id = '';
  for (let i = 0; i < idLength; i++, bits >>= 5n) id = `${alphabet[Number(bits & 31n)]}${id}`;
  return id;
}

/** What all roles of a tenant's leases begin with: nobody reads the tenant's name in the catalog of somebody's server. */
export const usernamePrefix = (tenantId: string): string =>
  `gh_${createHash('sha256').update(tenantId).digest('hex').slice(0, 8)}_`;

const maxSlug = 20;

/**
 * `gh_<tenant>_<role>_<lease id>`, at most 59 of the 63 characters that PostgreSQL keeps of a name: cut, two leases could
 * meet in one role.
 */
export function usernameOf(tenantId: string, role: string, leaseId: string): string {
  const slug = role
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '_')
    .slice(0, maxSlug);
  return `${usernamePrefix(tenantId)}${slug}_${leaseId}`;
}
