import { ProblemError } from '@gatehouse/http';
import { Inject, Injectable } from '@nestjs/common';
import { type DialectRoute, type DialectRoutes, dialectRoute, writeMethods } from '../dialect/dialect-route.js';
import { derives, encrypts, keyKinds, signs } from './key-types.js';
import { rawEd25519 } from './signature.routes.js';
import { Transit } from './transit.js';
import { configBody, createBody, listQuery, keyParams as params } from './transit-input.js';
import type { PresentKey } from './transit-key.js';
import { refused } from './transit-problem.js';

const path = '/v1/transit/keys/:name';
const methods = writeMethods;

/** Keys of transit: made, rotated, configured, never told. */
@Injectable()
export class TransitKeyRoutes implements DialectRoutes {
  readonly routes: readonly DialectRoute[];

  constructor(@Inject(Transit) private readonly transit: Transit) {
    this.routes = [this.list(), this.read(), this.create(), this.rotate(), this.configure(), this.remove()];
  }

  private list() {
    const spec = { path: '/v1/transit/keys', summary: 'Names of keys', query: listQuery, problems: ['not_found'] };
    return dialectRoute({ ...spec, methods: ['GET'] }, async (_input, asker) => {
      const keys = await this.transit.names(asker);
      if (keys.length === 0) throw new ProblemError('not_found');
      return { data: { keys } };
    });
  }

  private read() {
    const summary = 'Versions and settings of a key; public halves, never a secret one';
    return dialectRoute({ methods: ['GET'], path, summary, params, problems: ['not_found'] }, async (input, asker) => ({
      data: viewOf(input.params.name, await this.transit.find(asker, input.params.name)),
    }));
  }

  private create() {
    const spec = { path, summary: 'Makes a key; the same again changes nothing', params, body: createBody };
    return dialectRoute({ ...spec, methods }, async ({ params: { name }, body: { type, derived } }, asker) => {
      if (derived && !derives(type)) throw refused(`keys of type ${type} are not derived`);
      const key = await this.transit.change(asker, name, (keys, context) => keys.create(context, name, type, derived));
      return { data: viewOf(name, key) };
    });
  }

  private rotate() {
    const spec = { path: `${path}/rotate`, summary: 'A new version of a key', params, problems: ['not_found'] };
    return dialectRoute({ ...spec, methods }, async ({ params: { name } }, asker) => ({
      data: viewOf(name, await this.transit.change(asker, name, (keys, context) => keys.rotate(context, name))),
    }));
  }

  private configure() {
    const spec = { path: `${path}/config`, summary: 'Settings of a key', params, body: configBody };
    return dialectRoute({ ...spec, methods }, async ({ params: { name }, body }, asker) => {
      const settings = {
        minDecryptionVersion: body.min_decryption_version,
        minEncryptionVersion: body.min_encryption_version,
        deletionAllowed: body.deletion_allowed,
      };
      const key = await this.transit.change(asker, name, (keys, context) => keys.configure(context, name, settings));
      return { data: viewOf(name, key) };
    });
  }

  private remove() {
    const summary = 'Deletes a key that may be deleted: what it encrypted is lost';
    return dialectRoute({ methods: ['DELETE'], path, summary, params }, async ({ params: { name } }, asker) => {
      await this.transit.change(asker, name, (keys, context) => keys.remove(context, name));
      return undefined;
    });
  }
}

function viewOf(name: string, key: PresentKey) {
  const { type, derived } = key;
  const isPublic = signs(type);
  const readable = Object.entries(key.versions).filter(([version]) => Number(version) >= key.minDecryptionVersion);
  const versions = readable.map(([version, { createdAt, publicKey }]) => {
    if (!isPublic) return [version, Math.floor(Date.parse(createdAt) / 1_000)] as const;
    const { kind } = keyKinds[type];
    const shown = kind === 'ed25519' ? rawEd25519(publicKey) : publicKey;
    return [version, { creation_time: createdAt, name: type, public_key: shown }] as const;
  });
  return {
    ...{ name, type, derived, latest_version: key.latest },
    keys: Object.fromEntries(versions),
    min_available_version: 0,
    min_decryption_version: key.minDecryptionVersion,
    min_encryption_version: key.minEncryptionVersion,
    deletion_allowed: key.deletionAllowed,
    ...{ exportable: false, allow_plaintext_backup: false, imported_key: false, auto_rotate_period: 0 },
    ...(derived && { kdf: 'hkdf_sha256', convergent_encryption: false }),
    supports_encryption: encrypts(type),
    supports_decryption: encrypts(type),
    supports_signing: signs(type),
    supports_derivation: derives(type),
  };
}
