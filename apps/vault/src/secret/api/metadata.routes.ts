import { defineRoute } from '@gatehouse/http';
import { commandHeaders } from '@gatehouse/service';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { z } from 'zod';
import { referenceOf } from '../path.js';
import { Secrets } from '../secrets.js';
import type { MetadataView } from '../views.js';
import { decidedInside, params, pathOf, serve } from './serve.js';
import { customMetadata, metadataShape, settings, versionNumber } from './shapes.js';

const base = '/api/v1/vault';
const problems = ['not_found', 'forbidden', 'stale_revision', 'sealed'] as const;
const common = { access: decidedInside, params, headers: commandHeaders, response: metadataShape, problems } as const;
const versions = z.array(versionNumber).min(1).max(1_000);
const list = z
  .string()
  .regex(/^\d{1,10}(,\d{1,10}){0,999}$/, 'is not a list of numbers with commas')
  .transform((text) => text.split(',').map(Number));

const remove = defineRoute({
  ...common,
  method: 'DELETE',
  path: `${base}/secrets/*`,
  summary: 'Deletes versions of a secret, the current one unless said otherwise, so that they can be restored',
  query: z.object({ versions: list.optional() }),
});
const undelete = defineRoute({
  ...common,
  method: 'POST',
  path: `${base}/undelete/*`,
  summary: 'Restores deleted versions',
  body: z.strictObject({ versions }),
});
const destroy = defineRoute({
  ...common,
  method: 'POST',
  path: `${base}/destroy/*`,
  summary: 'Destroys versions for good: what was sealed is removed',
  body: z.strictObject({ versions }),
});
const show = defineRoute({
  ...common,
  method: 'GET',
  path: `${base}/metadata/*`,
  summary: 'Shows the versions of a secret and its settings, without any value',
});
const put = defineRoute({
  ...common,
  method: 'PUT',
  path: `${base}/metadata/*`,
  summary: 'Changes settings and custom metadata of a secret; what is not given stays',
  body: z.strictObject({ ...settings, customMetadata: customMetadata.nullable() }).partial(),
});
const patch = defineRoute({
  ...common,
  method: 'PATCH',
  path: `${base}/metadata/*`,
  summary: 'Merges into settings and custom metadata of a secret (RFC 7396)',
  body: z
    .strictObject({
      ...settings,
      customMetadata: z.record(z.string().min(1).max(128), z.string().max(512).nullable()).nullable(),
    })
    .partial(),
});
const forget = defineRoute({
  ...common,
  method: 'DELETE',
  path: `${base}/metadata/*`,
  summary: 'Removes a secret with all its versions and its metadata, for good',
  response: z.object({ path: z.string(), forgotten: z.literal(true) }),
});

/** What is known of secrets beside their values. */
@Injectable()
export class MetadataRoutes implements OnModuleInit {
  constructor(
    @Inject(Secrets) private readonly secrets: Secrets,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  onModuleInit(): void {
    const server = this.host.httpAdapter.getInstance();
    const { secrets } = this;
    serve(server, remove, async (asker, input) =>
      answer(asker.caller.tenantId, await secrets.remove(asker, pathOf(input), input.query.versions)),
    );
    serve(server, undelete, async (asker, input) =>
      answer(asker.caller.tenantId, await secrets.restore(asker, pathOf(input), input.body.versions)),
    );
    serve(server, destroy, async (asker, input) =>
      answer(asker.caller.tenantId, await secrets.destroy(asker, pathOf(input), input.body.versions)),
    );
    serve(server, show, async (asker, input) =>
      answer(asker.caller.tenantId, await secrets.metadata(asker, pathOf(input))),
    );
    serve(server, put, async (asker, input) =>
      answer(asker.caller.tenantId, await secrets.putMetadata(asker, pathOf(input), input.body)),
    );
    serve(server, patch, async (asker, input) =>
      answer(asker.caller.tenantId, await secrets.patchMetadata(asker, pathOf(input), input.body)),
    );
    serve(server, forget, async (asker, input) => {
      const path = pathOf(input);
      await secrets.forget(asker, path);
      return { path, forgotten: true };
    });
  }
}

const answer = (tenantId: string, view: MetadataView) => ({ ...view, reference: referenceOf(tenantId, view.path) });
