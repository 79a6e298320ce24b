import { keyFamilies } from '@gatehouse/crypto';

/** What stands where a secret was. */
export const MASK = '[redacted]';

interface SecretShape {
  /** A cheap literal that every match contains: most lines hold none, and `includes` costs far less than a search. */
  readonly hint: string;
  readonly pattern: RegExp;
  readonly replacement: string;
}

/**
 * Shapes that are masked wherever they stand. No word boundary in front: in serialized JSON a key that follows a line
 * break is preceded by the letter `n`. Eight characters after the prefix stay visible, because that much is what the
 * product itself shows of a key. All repetitions are bounded or cannot overlap, so that a long line stays linear.
 */
const SHAPES: readonly SecretShape[] = [
  { hint: 'mas_', pattern: /mas_[A-Za-z0-9_-]{9,}/g, replacement: `mas_${MASK}` },
  { hint: 'mau_', pattern: /mau_[A-Za-z0-9_-]{9,}/g, replacement: `mau_${MASK}` },
  { hint: 'gst_', pattern: /gst_[A-Za-z0-9_-]{9,}/g, replacement: `gst_${MASK}` },
  { hint: 'giv_', pattern: /giv_[A-Za-z0-9_-]{9,}/g, replacement: `giv_${MASK}` },
  // Unseal keys of tenants, shares of the seal, tokens of the vault.
  ...['gus_', 'gsh_', 'grt_', 'gch_', 'gln_', 'gvt_', 'gvw_', 'gvs_'].map((prefix) => ({
    hint: prefix,
    pattern: new RegExp(`${prefix}[A-Za-z0-9_-]{9,}`, 'g'),
    replacement: `${prefix}${MASK}`,
  })),
  { hint: 'm87_', pattern: /m87_[A-Za-z0-9._-]{9,}/g, replacement: `m87_${MASK}` },
  { hint: 'eyJ', pattern: /eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{2,}(?:\.[A-Za-z0-9_-]*)*/g, replacement: MASK },
  { hint: '://', pattern: /(:\/\/[^\s"/@:]{0,128}:)[^\s"/@]{1,512}@/g, replacement: `$1${MASK}@` },
  { hint: 'earer ', pattern: /([Bb]earer )[A-Za-z0-9._~+/=-]{16,}/g, replacement: `$1${MASK}` },
  { hint: 'asic ', pattern: /([Bb]asic )[A-Za-z0-9+/=]{16,}/g, replacement: `$1${MASK}` },
  {
    hint: '=',
    pattern: /([?&;](?:[a-z]{1,16}[_-])?(?:token|key|apikey|code|secret|password|sig|signature)=)[^&\s"\\]{1,4096}/gi,
    replacement: `$1${MASK}`,
  },
  { hint: 'PRIVATE KEY', pattern: /-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[A-Za-z0-9+/=\s\\]*/g, replacement: MASK },
  { hint: '@', pattern: /[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}/g, replacement: MASK },
];

/**
 * Masks every secret-shaped part of a text: `mas_`, `mau_`, `m87_` and `gst_` keys, unseal keys and shares, refresh tokens, challenges and links, tokens of the vault, JWTs, bearer and basic credentials,
 * passwords in URLs, secret query parameters, private keys in PEM, and e-mail addresses.
 *
 * Works on serialized JSON too and keeps it valid, since no shape crosses a quotation mark.
 *
 * @example maskSecrets('GET /x?token=abc by mas_0123456789abcdef') // 'GET /x?token=[redacted] by mas_[redacted]'
 */
export function maskSecrets(text: string): string {
  let masked = text;
  for (const { hint, pattern, replacement } of SHAPES) {
    if (masked.includes(hint)) masked = masked.replace(pattern, replacement);
  }
  return masked;
}

/**
 * A whole key of a service, a person or a device, a set-up token, or what opens a tenant: not the start that lists show, and not what
 * happens to stand within longer text, as page marks and tokens of others are. No JWT: some protocols have those in addresses.
 */
const KEY = new RegExp(
  `(?<![\\w-])(?:${Object.entries(keyFamilies)
    .filter(([family]) => family !== 'jwt')
    .map(([, { pattern }]) => pattern.source.slice('^'.length, -'$'.length))
    .join('|')})(?![\\w-])`,
);

/**
 * Whether an address (path and query as sent, percent-encoded or not) holds a whole key of ours. Addresses stand in the logs of
 * every proxy on the way and in the histories of browsers; what is in one is no secret any more.
 *
 * @example holdsKey(`/v1/transit/keys/mas_${'A'.repeat(54)}`) // true
 */
export function holdsKey(address: string): boolean {
  if (KEY.test(address)) return true;
  if (!address.includes('%')) return false;
  return KEY.test(
    address.replace(/%([0-7][0-9A-Fa-f])/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))),
  );
}

/** Names whose whole value is masked. Compared in lower case without `-` and `_`. */
const SECRET_NAMES = new Set([
  'key',
  'keys',
  'otp',
  'pin',
  'pepper',
  'passwd',
  'passphrase',
  'credential',
  'credentials',
]);
const SECRET_ENDINGS =
  /(?:authorization|cookie|password|token|secret|email|emailaddress|apikey|privatekey|rootkey|tenantkey|datakey|signingkey)$/;

const MAX_REMEMBERED_NAMES = 2048;
const remembered = new Map<string, boolean>();

/**
 * Tells whether a field of this name is never logged: `authorization`, `Set-Cookie`, `api_key`, `clientSecret`, `key` …
 * but not `keyId` or `publicKey`.
 */
export function isSecretName(name: string): boolean {
  const known = remembered.get(name);
  if (known !== undefined) return known;
  const plain = name.toLowerCase().replace(/[-_]/g, '');
  const secret = SECRET_NAMES.has(plain) || SECRET_ENDINGS.test(plain);
  if (remembered.size < MAX_REMEMBERED_NAMES) remembered.set(name, secret);
  return secret;
}
