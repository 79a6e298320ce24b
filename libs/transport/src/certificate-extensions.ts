import { DerError, derElements, derSequence } from './der.js';

/** Object identifiers (RFC 5280 4.2), as the hex of their DER content. */
const oid = {
  subjectKeyIdentifier: '551d0e',
  keyUsage: '551d0f',
  subjectAltName: '551d11',
  basicConstraints: '551d13',
  nameConstraints: '551d1e',
  certificatePolicies: '551d20',
  authorityKeyIdentifier: '551d23',
  extendedKeyUsage: '551d25',
} as const;
const serverAuth = '2b06010505070301';
const anyUsage = '551d2500';

/** A name as certificates have it: `dns` in lower case, `ip` of 4 or 16 bytes, or of a type that we do not compare. */
export interface GeneralName {
  readonly type: 'dns' | 'ip' | 'other';
  readonly value: Buffer;
}

export interface Extensions {
  /** Undefined: says nothing of it. */
  readonly isAuthority: boolean | undefined;
  /** Intermediates that may follow; undefined: any number. */
  readonly pathLength: number | undefined;
  readonly mayCertify: boolean;
  readonly mayServe: boolean;
  readonly names: readonly GeneralName[];
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

const nameTypes: Record<number, GeneralName['type']> = { 2: 'dns', 7: 'ip' };

const generalName = (tag: number, content: Buffer): GeneralName => {
  const type = nameTypes[tag & 0x1f] ?? 'other';
  return { type, value: type === 'dns' ? Buffer.from(content.toString('latin1').toLowerCase(), 'latin1') : content };
};

/**
 * What a certificate says of itself, of what matters for servers.
 *
 * @param certificate DER
 * @throws DerError it is none, or something in it is critical and unknown here (RFC 5280 4.2: then it must be refused)
 */
export function readExtensions(certificate: Buffer): Extensions {
  const found = new Map<string, Buffer>();
  const [body] = derSequence(certificate);
  // [3] EXPLICIT, the last of the TBSCertificate (RFC 5280 4.1).
  const explicit = body ? derElements(body.content).find(({ tag }) => tag === 0xa3) : undefined;
  for (const extension of explicit ? derSequence(explicit.content) : []) {
    const [id, ...rest] = derElements(extension.content);
    const value = rest.at(-1);
    if (!id || !value || value.tag !== 0x04) throw new DerError('an extension that is none');
    const name = id.content.toString('hex');
    const critical = rest.length === 2 && rest[0]?.content[0] !== 0;
    if (critical && !(Object.values(oid) as string[]).includes(name))
      throw new DerError(`a critical extension ${name}`);
    if (found.has(name)) throw new DerError('an extension twice');
    found.set(name, value.content);
  }
  return interpret(found);
}

function interpret(found: ReadonlyMap<string, Buffer>): Extensions {
  const part = (name: string): Buffer | undefined => found.get(name);
  const constraints = part(oid.basicConstraints);
  const basic = constraints ? derSequence(constraints) : undefined;
  const length = basic?.find(({ tag }) => tag === 0x02)?.content;
  const usage = part(oid.keyUsage);
  const usages = part(oid.extendedKeyUsage);
  const extended = usages ? derSequence(usages).map(({ content }) => content.toString('hex')) : undefined;
  const subtrees = part(oid.nameConstraints);
  const alternatives = part(oid.subjectAltName);
  return {
    isAuthority: basic?.some(({ tag, content }) => tag === 0x01 && content[0] !== 0),
    pathLength: length && length.length > 0 && length.length <= 2 ? length.readUIntBE(0, length.length) : undefined,
    mayCertify: hasBit(usage, 5),
    mayServe: !extended || extended.includes(serverAuth) || extended.includes(anyUsage),
    names: alternatives ? derSequence(alternatives).map(({ tag, content }) => generalName(tag, content)) : [],
    permitted: subtreesOf(subtrees, 0xa0),
    excluded: subtreesOf(subtrees, 0xa1),
  };
}

/** A KeyUsage (RFC 5280 4.2.1.3); without one, everything is allowed. */
function hasBit(usage: Buffer | undefined, bit: number): boolean {
  if (!usage) return true;
  const [bits] = derElements(usage);
  return bits?.tag === 0x03 && ((bits.content[1] ?? 0) & (0x80 >> bit)) !== 0;
}

function subtreesOf(constraints: Buffer | undefined, wanted: number): GeneralName[] {
  if (!constraints) return [];
  const list = derSequence(constraints).find(({ tag }) => tag === wanted);
  return (list ? derElements(list.content) : []).map((subtree) => {
    const [base] = derElements(subtree.content);
    if (!base) throw new DerError('a constraint without a name');
    return generalName(base.tag, base.content);
  });
}
