import { fuzzCases, fuzzSeed, SeededRandom } from '@gatehouse/testing';
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import * as x509 from '@peculiar/x509';
import { chainRefusal } from './certificate-chain.js';
import { newCredentials } from './pair.fixture.js';

x509.cryptoProvider.set(webcrypto);

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const day = 86_400_000;
const now = new Date('2026-06-01T00:00:00Z');

interface Party {
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

const newKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
let serial = 1;

async function issue(
  name: string,
  issuer: Party | undefined,
  extensions: x509.Extension[],
  { from = -day, to = day, keys }: { from?: number; to?: number; keys?: webcrypto.CryptoKeyPair } = {},
): Promise<Party> {
  const own = keys ?? (await newKeys());
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: (serial++).toString(16).padStart(8, '0'),
    subject: `CN=${name}`,
    issuer: issuer?.certificate.subject ?? `CN=${name}`,
    notBefore: new Date(now.getTime() + from),
    notAfter: new Date(now.getTime() + to),
    signingAlgorithm: algorithm,
    publicKey: own.publicKey,
    signingKey: (issuer?.keys ?? own).privateKey,
    extensions,
  });
  return { certificate, keys: own };
}

const authority = (pathLength?: number): x509.Extension[] => [
  new x509.BasicConstraintsExtension(true, pathLength, true),
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
];
const forServers = (...names: { type: 'dns' | 'ip'; value: string }[]): x509.Extension[] => [
  new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
  new x509.SubjectAlternativeNameExtension(names.length > 0 ? names : [{ type: 'dns', value: 'relay.example' }]),
];
/** GeneralNames in DER, as permitted [0] or excluded [1] subtrees. */
function constraints(kind: 0 | 1, ...bases: [tag: number, content: Buffer][]): x509.Extension {
  const tlv = (tag: number, content: Buffer) => Buffer.concat([Buffer.of(tag, content.length), content]);
  const list = Buffer.concat(bases.map(([tag, content]) => tlv(0x30, tlv(tag, content))));
  return new x509.Extension('2.5.29.30', true, new Uint8Array(tlv(0x30, tlv(0xa0 + kind, list))).buffer);
}
const dns = (name: string): [number, Buffer] => [0x82, Buffer.from(name)];
const ip = (...bytes: number[]): [number, Buffer] => [0x87, Buffer.from(bytes)];

let root: Party;
beforeAll(async () => {
  root = await issue('root', undefined, authority());
});

const verdict = (chain: Party[], roots: Party[] = [root]): string | undefined =>
  chainRefusal(
    chain.map(({ certificate }) => Buffer.from(certificate.rawData)),
    roots.map(({ certificate }) => certificate.toString('pem')).join('\n'),
    now,
  );

describe('a chain is taken', () => {
  it('from the authority itself, or over intermediates in any order', async () => {
    expect(verdict([await issue('leaf', root, forServers())])).toBeUndefined();
    const middle = await issue('middle', root, authority(1));
    const lower = await issue('lower', middle, authority(0));
    const leaf = await issue('leaf', lower, forServers());
    expect(verdict([leaf, middle, lower])).toBeUndefined();
    expect(verdict([leaf, lower, middle])).toBeUndefined();
  });

  it('of the authority of a local installation, which is confined to its names', async () => {
    const { ca, certificate } = await newCredentials();
    const der = Buffer.from(certificate.split('-----')[2] ?? '', 'base64');
    expect(chainRefusal([der], ca)).toBeUndefined();
    expect(chainRefusal([der], (await newCredentials()).ca)).toMatch('no authority');
  });

  it('when the names are within the constraints', async () => {
    const confined = await issue('confined', root, [
      ...authority(),
      constraints(0, dns('example'), ip(10, 0, 0, 0, 255, 0, 0, 0)),
    ]);
    const good = forServers({ type: 'dns', value: 'A.Example' }, { type: 'ip', value: '10.9.8.7' });
    expect(verdict([await issue('leaf', confined, good), confined])).toBeUndefined();
  });
});

describe('a chain is refused', () => {
  it('of others, of nobody, and with another key under the same name', async () => {
    const stranger = await issue('root', undefined, authority());
    expect(verdict([await issue('leaf', stranger, forServers())])).toMatch('no authority');
    expect(verdict([await issue('leaf', undefined, forServers())])).toMatch('no authority');
    expect(verdict([await issue('leaf', stranger, forServers()), stranger])).toMatch('no authority');
    expect(verdict([])).toMatch('no certificate');
  });

  it('before and after its time, and that of those above', async () => {
    expect(verdict([await issue('leaf', root, forServers(), { from: 1_000 })])).toMatch('valid');
    expect(verdict([await issue('leaf', root, forServers(), { to: -1_000 })])).toMatch('valid');
    const old = await issue('old', root, authority(), { to: -1_000 });
    expect(verdict([await issue('leaf', old, forServers()), old])).toMatch('valid');
    const oldRoot = await issue('oldroot', undefined, authority(), { to: -1_000 });
    expect(verdict([await issue('leaf', oldRoot, forServers())], [oldRoot])).toMatch('expired');
  });

  it('signed by a server, by one without the right to, or too far down', async () => {
    const server = await issue('server', root, forServers());
    expect(verdict([await issue('leaf', server, forServers()), server])).toMatch('may not');
    const noUsage = await issue('nousage', root, [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    ]);
    expect(verdict([await issue('leaf', noUsage, forServers()), noUsage])).toBeDefined();
    const last = await issue('last', root, authority(0));
    const under = await issue('under', last, authority());
    expect(verdict([await issue('leaf', under, forServers()), under, last])).toMatch('more certificates');
    const clients = await issue('clients', root, [
      ...authority(),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
    ]);
    expect(verdict([await issue('leaf', clients, forServers()), clients])).toMatch('may not');
  });

  it('that is not for servers', async () => {
    const client = [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])];
    expect(verdict([await issue('leaf', root, client)])).toMatch('not for servers');
  });

  it.each<[string, { type: 'dns' | 'ip'; value: string }]>([
    ['another domain', { type: 'dns', value: 'example.net' }],
    ['a domain that only ends alike', { type: 'dns', value: 'badexample' }],
    ['another network', { type: 'ip', value: '11.0.0.1' }],
    ['an address of the other kind', { type: 'ip', value: '::1' }],
  ])('for a name that its authority may not certify: %s', async (_name, name) => {
    const confined = await issue('confined', root, [
      ...authority(),
      constraints(0, dns('example'), ip(10, 0, 0, 0, 255, 0, 0, 0)),
    ]);
    expect(verdict([await issue('leaf', confined, forServers(name)), confined])).toMatch('may not certify');
  });

  it('for a name that is excluded', async () => {
    const confined = await issue('confined', root, [...authority(), constraints(1, dns('secret.example'))]);
    const leaf = await issue('leaf', confined, forServers({ type: 'dns', value: 'a.secret.example' }));
    expect(verdict([leaf, confined])).toMatch('may not certify');
  });

  it('with something critical that is not understood here', async () => {
    const odd = new x509.Extension('1.2.3.4', true, new Uint8Array([5, 0]).buffer);
    expect(verdict([await issue('leaf', root, [...forServers(), odd])])).toMatch('must be understood');
    const ignorable = new x509.Extension('1.2.3.4', false, new Uint8Array([5, 0]).buffer);
    expect(verdict([await issue('leaf', root, [...forServers(), ignorable])])).toBeUndefined();
  });

  it(`whose bytes were changed (seed ${fuzzSeed})`, async () => {
    const random = new SeededRandom(fuzzSeed);
    const leaf = Buffer.from((await issue('leaf', root, forServers())).certificate.rawData);
    const pem = root.certificate.toString('pem');
    for (let count = 0; count < fuzzCases(0.05); count++) {
      const mutated = random.mutate(leaf);
      // What follows the certificate's end is not of it.
      if (!mutated.subarray(0, leaf.length).equals(leaf)) expect(chainRefusal([mutated], pem, now)).toBeDefined();
    }
  });
});
