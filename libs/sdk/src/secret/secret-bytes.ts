import { canonicalJson } from '@gatehouse/crypto';

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Which part of the content of a secret is the secret itself. */
export type SecretPart = 'value' | 'value_base64' | 'single_member' | 'object';

export function secretPart(data: Readonly<Record<string, unknown>>): SecretPart {
  if (typeof data.value === 'string') return 'value';
  if (typeof data.value_base64 === 'string' && base64.test(data.value_base64)) return 'value_base64';
  const members = Object.values(data);
  return members.length === 1 && typeof members[0] === 'string' ? 'single_member' : 'object';
}

/**
 * The exact bytes of a secret, as a mount has them: its member `value`, else the decoded `value_base64`, else its one member
 * if that is a text, else the canonical JSON (RFC 8785) of all members.
 *
 * @example secretBytes({ value: 'hunter2' }).length // 7
 */
export function secretBytes(data: Readonly<Record<string, unknown>>): Buffer {
  switch (secretPart(data)) {
    case 'value':
      return Buffer.from(data.value as string, 'utf8');
    case 'value_base64':
      return Buffer.from(data.value_base64 as string, 'base64');
    case 'single_member':
      return Buffer.from(Object.values(data)[0] as string, 'utf8');
    default:
      return Buffer.from(canonicalJson(data), 'utf8');
  }
}
