import { memberRoles } from '@gatehouse/contracts';
import type { JWTPayload } from 'jose';

/** RFC 8725 3.11: a type of its own, so that a token for a satellite is never taken for one for our API. */
export const satelliteTokenType = 'satellite+jwt';
export const satelliteTokenSeconds = 60;

export const guest = { sub: 'guest', role: 'guest' } as const;

interface Holder {
  readonly type: string;
  readonly id: string;
  readonly tenantId: string;
}

export interface SatelliteClaims {
  readonly issuer: string;
  readonly audience: string;
  readonly jti: string;
  readonly role: string;
  /** Absent: a guest. */
  readonly holder?: Holder;
}

/**
 * What a satellite token says, but for its times. A person's `sub` is the user id; a service's has its tenant too,
 * because two tenants may have a service of one name. `tenant` is the one the holder acted in.
 */
export const claimsOf = ({ issuer, audience, jti, role, holder }: SatelliteClaims): JWTPayload => ({
  iss: issuer,
  aud: audience,
  jti,
  role,
  sub: holder === undefined ? guest.sub : subjectOf(holder),
  ...(holder && { tenant: holder.tenantId }),
});

const subjectOf = ({ type, id, tenantId }: Holder): string => (type === 'user' ? id : `${type}:${tenantId}:${id}`);

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Reverse of the `sub` that {@link claimsOf} writes; undefined for anything else. */
export function holderOf(sub: string, tenant: unknown): Holder | 'guest' | undefined {
  if (sub === guest.sub && tenant === undefined) return 'guest';
  if (typeof tenant !== 'string') return undefined;
  if (uuid.test(sub)) return { type: 'user', id: sub, tenantId: tenant };
  const [type, tenantId, id, ...rest] = sub.split(':');
  const isService = type === 'service' && tenantId === tenant && id && rest.length === 0;
  return isService ? { type, id, tenantId } : undefined;
}

/** The one role a token can name: the highest of ours, else the first by name, else `none`. */
export function highestRole(roles: readonly string[]): string {
  return memberRoles.find((role) => roles.includes(role)) ?? [...roles].sort()[0] ?? 'none';
}
