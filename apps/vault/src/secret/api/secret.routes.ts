import { defineRoute } from '@gatehouse/http';
import { commandHeaders } from '@gatehouse/service';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { z } from 'zod';
import { References } from '../references.js';
import { Secrets } from '../secrets.js';
import { contentOf, readAnswer, writtenAnswer } from './answers.js';
import { decidedInside, params, pathOf, serve } from './serve.js';
import { bodyLimitBytes, cas, content, readShape, referenceText, writtenShape } from './shapes.js';

const version = z.coerce.number().int().min(1).max(2_147_483_647).optional();
const notThere = ['not_found', 'version_deleted', 'version_destroyed', 'forbidden', 'sealed'] as const;
const notWritten = ['check_and_set', 'check_and_set_required', 'stale_revision', 'forbidden', 'sealed'] as const;

const common = { path: '/api/v1/vault/secrets/*', access: decidedInside, params } as const;

const read = defineRoute({
  ...common,
  method: 'GET',
  summary: 'Reads a version of a secret, the current one unless said otherwise, after a recorded decision',
  query: z.object({ version }),
  response: readShape,
  problems: [...notThere, 'integrity_violation'],
});
const writing = {
  ...common,
  summary: 'Writes a new version of a secret',
  headers: commandHeaders,
  body: content,
  bodyLimitBytes,
  response: writtenShape,
  problems: notWritten,
} as const;
const put = defineRoute({ ...writing, method: 'PUT' });
const post = defineRoute({ ...writing, method: 'POST' });
const patch = defineRoute({
  ...writing,
  method: 'PATCH',
  summary: 'Merges into the current version (RFC 7396) and writes the next one',
  body: z.strictObject({ data: z.record(z.string(), z.unknown()), cas: cas.optional() }),
  problems: [...notWritten, 'not_found'],
});
const resolve = defineRoute({
  method: 'GET',
  path: '/api/v1/vault/resolve',
  access: decidedInside,
  summary: 'Reads the secret that a reference names',
  query: z.object({ reference: referenceText, version }),
  response: readShape,
  problems: [...notThere, 'reference_ambiguous', 'integrity_violation'],
});

/** Values, in and out. */
@Injectable()
export class SecretRoutes implements OnModuleInit {
  constructor(
    @Inject(Secrets) private readonly secrets: Secrets,
    @Inject(References) private readonly references: References,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  onModuleInit(): void {
    const server = this.host.httpAdapter.getInstance();
    const { secrets, references } = this;
    serve(server, read, async (asker, { query, params: given }) =>
      readAnswer(asker.caller.tenantId, await secrets.read(asker, pathOf({ params: given }), query)),
    );
    serve(server, resolve, async (asker, { query }) =>
      readAnswer(asker.caller.tenantId, await references.read(asker, query.reference, query.version)),
    );
    for (const spec of [put, post]) {
      serve(server, spec, async (asker, input) => {
        const { body } = input;
        const path = pathOf(input);
        const written = await secrets.write(asker, path, contentOf(body), body);
        return writtenAnswer(references, asker.caller.tenantId, written);
      });
    }
    serve(server, patch, async (asker, input) => {
      const { data, ...options } = input.body;
      return writtenAnswer(references, asker.caller.tenantId, await secrets.patch(asker, pathOf(input), data, options));
    });
  }
}
