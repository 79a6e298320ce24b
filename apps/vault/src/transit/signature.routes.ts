import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { Asker } from '../asker.js';
import type { DialectAnswer } from '../dialect/answer.js';
import { type DialectRoute, type DialectRoutes, dialectRoute, writeMethods } from '../dialect/dialect-route.js';
import { itemsIn, needed, oneOrBatch } from './batch.js';
import type { HashName, SignatureForm } from './signature.js';
import { Transit } from './transit.js';
import { hashParams, hmacBody, keyParams, signBody, verifyBody } from './transit-input.js';
import { refused } from './transit-problem.js';
import { decoded } from './versioned-text.js';

type Sign = z.output<typeof signBody>;
type Verify = z.output<typeof verifyBody>;
type Hmac = z.output<typeof hmacBody>;

const methods = writeMethods;
const inputOf = (item: { readonly input?: string | undefined }): Buffer =>
  decoded(needed(item.input, 'input'), 'input');

/** Signatures and HMAC. The hash function is a member of the body, or the last part of the address. */
@Injectable()
export class SignatureRoutes implements DialectRoutes {
  readonly routes: readonly DialectRoute[];

  constructor(@Inject(Transit) private readonly transit: Transit) {
    this.routes = [...this.sign(), ...this.verify(), ...this.hmac()];
  }

  private sign(): readonly DialectRoute[] {
    const spec = { methods, summary: 'Signs base64', body: signBody } as const;
    const path = '/v1/transit/sign/:name';
    return [
      dialectRoute({ ...spec, path, params: keyParams }, ({ params, body }, asker) =>
        this.signed(asker, params.name, body),
      ),
      dialectRoute({ ...spec, path: `${path}/:hash`, params: hashParams }, ({ params, body }, asker) =>
        this.signed(asker, params.name, body, params.hash),
      ),
    ];
  }

  private verify(): readonly DialectRoute[] {
    const spec = { methods, summary: 'Tells whether a signature or an HMAC is right', body: verifyBody } as const;
    const path = '/v1/transit/verify/:name';
    return [
      dialectRoute({ ...spec, path, params: keyParams }, ({ params, body }, asker) =>
        this.verified(asker, params.name, body),
      ),
      dialectRoute({ ...spec, path: `${path}/:hash`, params: hashParams }, ({ params, body }, asker) =>
        this.verified(asker, params.name, body, params.hash),
      ),
    ];
  }

  private hmac(): readonly DialectRoute[] {
    const spec = { methods, summary: 'HMAC of base64', body: hmacBody } as const;
    const path = '/v1/transit/hmac/:name';
    return [
      dialectRoute({ ...spec, path, params: keyParams }, ({ params, body }, asker) =>
        this.hmacs(asker, params.name, body),
      ),
      dialectRoute({ ...spec, path: `${path}/:hash`, params: hashParams }, ({ params, body }, asker) =>
        this.hmacs(asker, params.name, body, params.hash),
      ),
    ];
  }

  private async signed(asker: Asker, name: string, body: Sign, hash?: HashName): Promise<DialectAnswer> {
    const form = formOf(body, hash);
    const key = await this.transit.use(asker, 'transit.sign', name, itemsIn(body));
    return oneOrBatch(body, async (item: Pick<Sign, 'input' | 'key_version'>) => {
      const { publicKey, ...made } = await key.sign(inputOf(item), form, item.key_version);
      return key.key.type === 'ed25519' ? { ...made, public_key: rawEd25519(publicKey) } : made;
    });
  }

  private async verified(asker: Asker, name: string, body: Verify, hash?: HashName): Promise<DialectAnswer> {
    const form = formOf(body, hash);
    const key = await this.transit.use(asker, 'transit.verify', name, itemsIn(body));
    return oneOrBatch(body, async (item: Pick<Verify, 'input' | 'signature' | 'hmac'>) => {
      const { signature, hmac } = item;
      if ((signature === undefined) === (hmac === undefined)) throw refused('send either signature or hmac');
      const input = inputOf(item);
      if (signature !== undefined) return { valid: await key.verify(input, form, signature) };
      return { valid: await key.verifyHmac(input, form.hash, hmac as string) };
    });
  }

  private async hmacs(asker: Asker, name: string, body: Hmac, hash?: HashName): Promise<DialectAnswer> {
    const key = await this.transit.use(asker, 'transit.hmac', name, itemsIn(body));
    return oneOrBatch(body, async (item: Pick<Hmac, 'input' | 'key_version'>) => ({
      hmac: await key.hmac(inputOf(item), hash ?? body.algorithm ?? 'sha2-256', item.key_version),
    }));
  }
}

const formOf = (body: Sign | Verify, hash?: HashName): SignatureForm => ({
  hash: hash ?? body.hash_algorithm ?? body.algorithm ?? 'sha2-256',
  marshaling: body.marshaling_algorithm ?? 'asn1',
  algorithm: body.signature_algorithm ?? 'pss',
  saltLength: body.salt_length ?? 'auto',
});

/** The 32 bytes behind the header of SPKI (RFC 8410), in base64, as Vault tells them. */
export function rawEd25519(pem: string | undefined): string | undefined {
  const der = pem?.split('\n').slice(1, -2).join('');
  return der && Buffer.from(der, 'base64').subarray(-32).toString('base64');
}
