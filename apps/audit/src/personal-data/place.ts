/** Where a page ends: which tenant of the list, which way of being in an entry, and the last entry that was given. */
export interface Place {
  readonly tenant: number;
  readonly role: number;
  /** RFC 3339 with microseconds, as the database keeps it. */
  readonly at: string;
  readonly index: string;
}

export const startPlace: Place = { tenant: 0, role: 0, at: '-infinity', index: '-1' };

const placePattern = /^(\d{1,4}) (\d) (-infinity|\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (-1|\d{1,19})$/;

/** @example formatPlace({ tenant: 0, role: 2, at: '2026-11-22T12:47:00.000000Z', index: '42' }) */
export const formatPlace = ({ tenant, role, at, index }: Place): string => `${tenant} ${role} ${at} ${index}`;

/** Reverse of {@link formatPlace}; undefined for any other text. */
export function parsePlace(text: string): Place | undefined {
  const [, tenant, role, at, index] = placePattern.exec(text) ?? [];
  if (at === undefined || index === undefined) return undefined;
  return { tenant: Number(tenant), role: Number(role), at, index };
}
