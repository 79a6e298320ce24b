import { Inject, Injectable } from '@nestjs/common';
import type { Asker } from '../asker.js';
import { type DialectRoute, type DialectRoutes, dialectRoute, writeMethods } from '../dialect/dialect-route.js';
import { itemsIn, needed, oneOrBatch } from './batch.js';
import { Transit } from './transit.js';
import { dataKeyBody, decryptBody, encryptBody, keyParams as params, rewrapBody } from './transit-input.js';
import { decoded } from './versioned-text.js';

const methods = writeMethods;

/** Encryption: one text, or up to a thousand. */
@Injectable()
export class EncryptionRoutes implements DialectRoutes {
  readonly routes: readonly DialectRoute[];

  constructor(@Inject(Transit) private readonly transit: Transit) {
    this.routes = [this.encrypt(), this.decrypt(), this.rewrap(), this.dataKey('plaintext'), this.dataKey('wrapped')];
  }

  private encrypt() {
    const spec = { path: '/v1/transit/encrypt/:name', summary: 'Encrypts base64', params, body: encryptBody };
    return dialectRoute({ ...spec, methods }, async ({ params: { name }, body }, asker) => {
      const key = await this.transit.use(asker, 'transit.encrypt', name, itemsIn(body));
      return oneOrBatch(body, ({ plaintext, ...uses }) =>
        key.encrypt(decoded(needed(plaintext, 'plaintext'), 'plaintext'), uses),
      );
    });
  }

  private decrypt() {
    const spec = { path: '/v1/transit/decrypt/:name', summary: 'Decrypts to base64', params, body: decryptBody };
    return dialectRoute({ ...spec, methods }, async ({ params: { name }, body }, asker) => {
      const key = await this.transit.use(asker, 'transit.decrypt', name, itemsIn(body));
      return oneOrBatch(body, async ({ ciphertext, ...uses }) => {
        const plaintext = await key.decrypt(needed(ciphertext, 'ciphertext'), uses);
        return { plaintext: plaintext.toString('base64') };
      });
    });
  }

  private rewrap() {
    const summary = 'Encrypts anew under the latest version, without telling the text';
    const spec = { path: '/v1/transit/rewrap/:name', summary, params, body: rewrapBody };
    return dialectRoute({ ...spec, methods }, async ({ params: { name }, body }, asker) => {
      const key = await this.transit.use(asker, 'transit.rewrap', name, itemsIn(body));
      return oneOrBatch(body, async ({ ciphertext, ...uses }) => {
        const plaintext = await key.decrypt(needed(ciphertext, 'ciphertext'), uses);
        return key.encrypt(plaintext, uses);
      });
    });
  }

  /** A fresh key under this one; `plaintext` tells it too, which is no decryption of anything there was. */
  private dataKey(form: 'plaintext' | 'wrapped') {
    const summary = form === 'plaintext' ? 'A fresh key, in the clear and encrypted' : 'A fresh key, encrypted only';
    const spec = { path: `/v1/transit/datakey/${form}/:name`, summary, params, body: dataKeyBody };
    return dialectRoute({ ...spec, methods }, async ({ params: { name }, body }, asker: Asker) => {
      const key = await this.transit.use(asker, 'transit.encrypt', name);
      const { plaintext, ...made } = await this.transit.dataKey(key, body.bits, body);
      return { data: form === 'plaintext' ? { ...made, plaintext: plaintext.toString('base64') } : made };
    });
  }
}
