import { canonicalJson } from '@gatehouse/crypto';

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * The exact bytes of a secret, as a mount has them: its member `value`, else the decoded `value_base64`, else its one member
 * if that is a text, else the canonical JSON (RFC 8785) of all members.
 *
 * @example secretBytes({ value: 'hunter2' }).length // 7
 */
export function secretBytes(data: Readonly<Record<string, unknown>>): Buffer {
  if (typeof data.value === 'string') return Buffer.from(data.value, 'utf8');
  if (typeof data.value_base64 === 'string' && base64.test(data.value_base64))
    return Buffer.from(data.value_base64, 'base64');
  const members = Object.values(data);
  const isText = members.length === 1 && typeof members[0] === 'string';
  return Buffer.from(isText ? (members[0] as string) : canonicalJson(data), 'utf8');
}
