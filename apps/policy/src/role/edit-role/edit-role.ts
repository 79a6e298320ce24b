import type { PolicyDocument, Role } from '@gatehouse/evaluator';

/** The document with this role in place of the one of its name, or added at the end. */
export function withRole({ roles = [], ...document }: PolicyDocument, role: Role): PolicyDocument {
  const others = roles.map((one) => (one.name === role.name ? role : one));
  return { ...document, roles: others.includes(role) ? others : [...others, role] };
}

/** The document without the role; undefined if it has none of that name. */
export function withoutRole({ roles = [], ...document }: PolicyDocument, name: string): PolicyDocument | undefined {
  const others = roles.filter((role) => role.name !== name);
  if (others.length === roles.length) return undefined;
  return { ...document, ...(others.length > 0 && { roles: others }) };
}
