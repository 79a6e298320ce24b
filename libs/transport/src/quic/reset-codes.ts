/** A reset of QUIC carries a number and no text (RFC 9000 19.4). The place in the list is the number: append only. */
const codes = [
  'internal',
  'cancelled',
  'revoked',
  'device_lost',
  'refused',
  'limit',
  'timeout',
  'protocol',
  'lost',
  'closed',
  'done',
  'replaced',
  'removed',
  'expired',
  'unavailable',
  'bad_grant',
  'device_offline',
  'wrong_device',
  'go_away',
  'handshake_failed',
  'decryption_failed',
  'truncated',
  'not_approved',
  'certificate',
] as const;

const numbers = new Map<string, number>(codes.map((code, number) => [code, number]));

/** `internal` for words that are not in the list. */
export const resetNumber = (code: string): number => numbers.get(code) ?? 0;
export const resetCode = (number: number): string => codes[number] ?? 'internal';
