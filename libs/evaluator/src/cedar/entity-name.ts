import type { Entity } from '../model.js';
import { EntityRef } from './values.js';

/** What no type of Cedar may be called, and what means something of its own here. */
const reserved: ReadonlySet<string> = new Set([
  ...['true', 'false', 'if', 'then', 'else', 'in', 'is', 'like', 'has', '__cedar'],
  ...['Action', 'role', 'text'],
]);

const isWord = (part: string): boolean =>
  /^[A-Za-z_][A-Za-z0-9_]*$/.test(part) && !part.includes('__') && !reserved.has(part);
const isDashed = (type: string): boolean => /^[A-Za-z]+[A-Za-z0-9]*(-+[A-Za-z0-9]+|_[A-Za-z0-9]+)*$/.test(type);

const escaped = (char: string): string => `_${(char.codePointAt(0) as number).toString(16)}_`;

function nameOf(type: string): string {
  if (type.split('::').every(isWord)) return type;
  if (isDashed(type) && type.includes('-')) return type.replaceAll('-', '__');
  // Every underscore begins or ends a number, so no two types have the same name.
  const chars = [...type].map((char, i) => (i > 0 && /[A-Za-z0-9]/.test(char) ? char : escaped(char)));
  return `text::${chars.join('')}`;
}

/** Requests bring types, so what is remembered of them is bounded. */
const remembered = new Map<string, string>();
const maxRemembered = 1_024;

/**
 * The name of a type in Cedar, see semantics.md 9. Two types never have the same name: a permit for one would hold for the other.
 *
 * @example cedarType('user') // 'user'
 * @example cedarType('service-account') // 'service__account'
 * @example cedarType('in') // 'text::_69_n'
 */
export function cedarType(type: string): string {
  const known = remembered.get(type);
  if (known !== undefined) return known;
  const name = nameOf(type);
  if (remembered.size >= maxRemembered) remembered.clear();
  remembered.set(type, name);
  return name;
}

export const entityRef = (of: Entity): EntityRef => new EntityRef(cedarType(of.type), of.id);

/** Parent of a principal that holds the role. No entity of a request or fact has this type. */
export const roleRef = (role: string): EntityRef => new EntityRef('role', role);

export const actionRef = (name: string): EntityRef => new EntityRef('Action', name);
