import {
  answerParts,
  defineRoute,
  failedPart,
  type HttpRequest,
  type InputOf,
  type Part,
  ProblemError,
  type RouteSpec,
  serveRoute,
} from '@gatehouse/http';
import { commandHeaders, commandIdOf } from '@gatehouse/service';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Asker } from '../../asker.js';
import { References } from '../references.js';
import { Secrets } from '../secrets.js';
import { contentOf, readAnswer, writtenAnswer } from './answers.js';
import { askerOf, decidedInside } from './serve.js';
import {
  bodyLimitBytes,
  maxSecrets,
  namedContent,
  readShape,
  resultsOf,
  wantedSecret,
  writtenShape,
} from './shapes.js';
import { Turns } from './turns.js';

/** Of all results together, so that a small request cannot ask for any amount of memory. */
const maxAnswerBytes = 4_194_304;

const common = { method: 'POST', access: decidedInside, problems: ['sealed'] } as const;

const readMany = defineRoute({
  ...common,
  path: '/api/v1/vault/read',
  summary: 'Reads up to 64 secrets, each after a recorded decision of its own; what fails says so beside the others',
  body: z.strictObject({ secrets: z.array(wantedSecret).min(1).max(maxSecrets) }),
  response: resultsOf(readShape),
});

const writeMany = defineRoute({
  ...common,
  path: '/api/v1/vault/write',
  summary:
    'Writes a new version of up to 64 secrets, each decided and stored by itself: no transaction over all of them',
  headers: commandHeaders.pick({ 'idempotency-key': true }),
  body: z.strictObject({
    secrets: z
      .array(namedContent)
      .min(1)
      .max(maxSecrets)
      .refine((secrets) => new Set(secrets.map(({ path }) => path)).size === secrets.length, 'has a path twice'),
  }),
  bodyLimitBytes,
  response: resultsOf(writtenShape),
});

type Wanted = z.output<typeof wantedSecret>;
type Named = z.output<typeof namedContent>;

/** Many secrets in one request. Each is asked for as if it were alone: what comes together shares messages and statements. */
@Injectable()
export class ManyRoutes implements OnModuleInit {
  constructor(
    @Inject(Secrets) private readonly secrets: Secrets,
    @Inject(References) private readonly references: References,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  onModuleInit(): void {
    const server = this.host.httpAdapter.getInstance();
    const turns = new Turns();
    serveMany(server, turns, readMany, (asker, { body }) => body.secrets.map((wanted) => this.#read(asker, wanted)));
    serveMany(server, turns, writeMany, (asker, { body }) => {
      refuseHeaders(asker);
      return body.secrets.map((named) => this.#write(asker, named));
    });
  }

  async #read(asker: Asker, { path, reference, version }: Wanted) {
    const read =
      reference === undefined
        ? await this.secrets.read(asker, path as string, { version })
        : await this.references.read(asker, reference, version);
    return readAnswer(asker.caller.tenantId, read);
  }

  async #write(asker: Asker, { path, cas, expiresAt, customMetadata, ...given }: Named) {
    const options = { cas, expiresAt, customMetadata, amongOthers: true };
    const written = await this.secrets.write(asker, path, contentOf(given), options);
    return writtenAnswer(this.references, asker.caller.tenantId, written);
  }
}

/** What is wrong with the request is told once, before anything is decided. @throws ProblemError `validation_failed` */
function refuseHeaders({ caller, request }: Asker): void {
  commandIdOf(request, caller, 'secret.write');
  if (request.headers['if-match'] === undefined) return;
  const message = 'names the revision of one secret: give cas with each';
  throw new ProblemError('validation_failed', undefined, { errors: [{ path: 'headers.if-match', message }] });
}

interface Many extends RouteSpec {
  readonly body: z.ZodType<{ readonly secrets: readonly object[] }>;
}

function serveMany<const T extends Many>(
  server: FastifyInstance,
  turns: Turns,
  spec: T,
  begin: (asker: Asker, input: InputOf<T>) => readonly Promise<object>[],
): void {
  serveRoute(server, spec, async (request) => {
    const asker = askerOf(request);
    const input = request.input as InputOf<T>;
    const parts = await turns.take(asker.caller.tenantId, input.body.secrets.length, async () => {
      // Answered while it waited, or gone: nothing is done that nobody hears of.
      if (request.flight === null) throw new ProblemError('timeout');
      return answerParts(server, request, begin(asker, input));
    });
    return `{"results":[${boundedTexts(request, parts).join(',')}]}`;
  });
}

/** Each result as JSON, while there is room. */
function boundedTexts(request: HttpRequest, parts: readonly Part<object>[]): readonly string[] {
  let bytes = 0;
  return parts.map((part) => {
    const text = JSON.stringify(part);
    const length = Buffer.byteLength(text);
    if (bytes + length > maxAnswerBytes)
      return JSON.stringify(failedPart(request, new ProblemError('answer_too_large')));
    bytes += length;
    return text;
  });
}
