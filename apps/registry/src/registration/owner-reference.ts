/** Who shall own a device, as its operator wrote it. */
export type OwnerReference =
  | { readonly kind: 'user'; readonly email: string }
  | { readonly kind: 'org'; readonly id: string };

const userPattern = /^user:([^\s@]{1,64}@[^\s@]{1,253})$/;
const orgPattern = /^org:([a-z0-9][a-z0-9-]{0,62})$/;

/**
 * `user:<email>` or `org:<id>`; undefined for anything else, and for a personal workspace named as an organization.
 *
 * @example parseOwner('user:ann@example.org') // { kind: 'user', email: 'ann@example.org' }
 */
export function parseOwner(text: string): OwnerReference | undefined {
  const email = userPattern.exec(text)?.[1];
  if (email !== undefined) return { kind: 'user', email };
  const id = orgPattern.exec(text)?.[1];
  return id === undefined ? undefined : { kind: 'org', id };
}
