import { ProblemError } from '@gatehouse/http';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { Asker } from '../../asker.js';
import { Secrets } from '../../secret/secrets.js';
import type { DialectAnswer } from '../answer.js';
import { type DialectRoute, type DialectRoutes, dialectRoute, writeMethods } from '../dialect-route.js';
import { configBody, listQuery, metadataBody, metadataPatch, pathParams, settingsOf } from './input.js';
import { configAnswer, metadataAnswer } from './views.js';

const path = '/v1/secret/metadata/*';
const params = pathParams;
const configPath = '/v1/secret/config';
/** Pages of a thousand names that one LIST without a limit reads. */
const maxPages = 50;
/** Secrets whose metadata one call tells: each is a decision of its own. */
const maxDetails = 100;

type ListInput = z.output<typeof listQuery>;

/** Metadata of secrets, their names, and the settings of all. */
@Injectable()
export class KvMetadataRoutes implements DialectRoutes {
  readonly routes: readonly DialectRoute[];

  constructor(@Inject(Secrets) private readonly secrets: Secrets) {
    this.routes = [this.read(), ...this.lists(), this.write(), this.patch(), this.remove(), ...this.config()];
  }

  private read() {
    const summary =
      'Metadata of a secret and its versions; with list, the names below a path; with scan, at every depth';
    const spec = { path, summary, params, query: listQuery, problems: ['not_found'] };
    return dialectRoute({ ...spec, methods: ['GET'] }, async ({ params, query }, asker) => {
      if (query.list || query.scan) return this.list(asker, params['*'], query);
      return { data: metadataAnswer(await this.secrets.metadata(asker, params['*'])) };
    });
  }

  private lists(): readonly DialectRoute[] {
    const root = { path: '/v1/secret/metadata', summary: 'The names at the root', query: listQuery };
    const detailed = {
      ...{ path: '/v1/secret/detailed-metadata/*', params, query: listQuery },
      summary: `Names below a path, and the metadata of up to ${maxDetails} secrets`,
    };
    const { path: below } = detailed;
    return [
      dialectRoute({ ...root, methods: ['GET'] }, ({ query }, asker) => this.list(asker, '', query)),
      dialectRoute({ ...detailed, methods: ['GET'] }, ({ params, query }, asker) =>
        this.details(asker, params['*'], query),
      ),
      dialectRoute({ ...root, path: below.slice(0, -2), methods: ['GET'] }, ({ query }, asker) =>
        this.details(asker, '', query),
      ),
    ];
  }

  private write() {
    const summary = 'Settings and custom metadata of a secret; what is not sent stays';
    const spec = { path, summary, params, body: metadataBody };
    return dialectRoute({ ...spec, methods: writeMethods }, async ({ params, body }, asker) => {
      const { custom_metadata: customMetadata } = body;
      await this.secrets.putMetadata(asker, params['*'], { ...settingsOf(body), customMetadata });
      return undefined;
    });
  }

  private patch() {
    const summary = 'The same, merged: null removes a member of the custom metadata (RFC 7396)';
    const spec = { path, summary, params, body: metadataPatch, problems: ['not_found'] };
    return dialectRoute({ ...spec, methods: ['PATCH'] }, async ({ params, body }, asker) => {
      // A patch changes what is there; a write of metadata would make it.
      await this.secrets.metadata(asker, params['*']);
      const { custom_metadata: customMetadata } = body;
      await this.secrets.patchMetadata(asker, params['*'], { ...settingsOf(body), customMetadata });
      return undefined;
    });
  }

  private remove() {
    const summary = 'Removes a secret with all versions and metadata, for good';
    return dialectRoute({ methods: ['DELETE'], path, summary, params }, async ({ params }, asker) => {
      await this.secrets.forget(asker, params['*']);
      return undefined;
    });
  }

  private config(): readonly DialectRoute[] {
    const summary = 'Settings of all secrets of the tenant';
    return [
      dialectRoute({ methods: ['GET'], path: configPath, summary }, async (_input, asker) => ({
        data: configAnswer(await this.secrets.config(asker)),
      })),
      dialectRoute({ methods: writeMethods, path: configPath, summary, body: configBody }, async ({ body }, asker) => {
        await this.secrets.putConfig(asker, settingsOf(body));
        return undefined;
      }),
    ];
  }

  /** All names, or as many as were asked for. None is 404: so says Vault. */
  private async list(asker: Asker, prefix: string, query: ListInput): Promise<DialectAnswer> {
    const { after = '', limit = 0, scan = false } = query;
    const keys: string[] = [];
    let cursor: string | null = after;
    for (let page = 0; cursor !== null; page++) {
      if (page === maxPages) throw new ProblemError('validation_failed', 'There are too many names: send a limit');
      const wanted = limit === 0 ? undefined : limit;
      const found: Awaited<ReturnType<Secrets['list']>> = await this.secrets.list(asker, prefix, {
        ...{ recursive: scan, cursor, limit: wanted },
      });
      keys.push(...found.keys);
      cursor = limit === 0 ? found.nextCursor : null;
    }
    if (keys.length === 0) throw new ProblemError('not_found');
    return { data: { keys } };
  }

  private async details(asker: Asker, prefix: string, query: ListInput): Promise<DialectAnswer> {
    const limit = Math.min(query.limit || maxDetails, maxDetails);
    const { data } = await this.list(asker, prefix, { ...query, limit });
    const { keys } = data as { keys: readonly string[] };
    const below = prefix === '' ? '' : `${prefix.replace(/\/$/, '')}/`;
    const details: [string, object][] = [];
    for (const key of keys.filter((name) => !name.endsWith('/')))
      details.push([key, metadataAnswer(await this.secrets.metadata(asker, below + key))]);
    return { data: { keys, key_info: Object.fromEntries(details) } };
  }
}
