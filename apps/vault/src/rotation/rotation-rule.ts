import { randomInt } from 'node:crypto';

/** How a new value of a secret is made: a random text of this length takes the place of one member of its data. */
export interface RotationRule {
  readonly member: string;
  readonly length: number;
}

/** The member of a secret's custom metadata that says that its value may be made here: `value:40`, `password`. */
export const ruleMember = 'rotate';

const rulePattern = /^([A-Za-z0-9_.-]{1,64})(?::([1-9]\d{0,3}))?$/;
const defaultLength = 40;
const [shortest, longest] = [16, 1_024];

/** @example parseRule('password:32') // { member: 'password', length: 32 } */
export function parseRule(text: string | undefined): RotationRule | undefined {
  const [, member, given] = rulePattern.exec(text ?? '') ?? [];
  const length = given === undefined ? defaultLength : Number(given);
  return member !== undefined && length >= shortest && length <= longest ? { member, length } : undefined;
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** A random text of letters and digits, 5.95 bits each: safe in URLs, shells, connection strings and YAML. */
export const randomText = (length: number): string =>
  Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
