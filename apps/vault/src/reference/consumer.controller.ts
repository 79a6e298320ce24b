import { formatPosition, startPosition } from '@gatehouse/contracts';
import type { Pepper } from '@gatehouse/crypto';
import { PostgresEventStore } from '@gatehouse/event-store';
import {
  Caller,
  defineProblems,
  defineRoute,
  type HttpRequest,
  Input,
  type InputOf,
  type Principal,
  ProblemError,
  Route,
} from '@gatehouse/http';
import { commandHeaders, handleCommand, PLATFORM, type Platform } from '@gatehouse/service';
import { recordableText } from '@gatehouse/telemetry';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { pathFault } from '../secret/path.js';
import { VersionChanges } from './changes/version-changes.js';
import { type ConsumerName, consumerDecider, consumerKinds, consumerStream } from './consumer.js';
import { Consumers } from './consumers.js';
import { forgetConsumer } from './forget-consumer/forget-consumer.js';
import { registerConsumer } from './register-consumer/register-consumer.js';
import { reportMounted } from './report-mounted/report-mounted.js';
import { wantedReferences } from './wanted-references.js';

defineProblems({
  references_wrong: { status: 400, title: 'References to secrets are wrong' },
});

const base = '/api/v1/vault/consumers/:kind/:id';
const maxReferences = 1_024;

const scopeText = z
  .string()
  .max(512)
  .default('')
  .refine((scope) => scope === '' || pathFault(scope) === undefined, 'is no scope of secrets');
const params = z.object({ kind: z.enum(consumerKinds), id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/) });
const scoped = z.object({ scope: scopeText });
const name = z.string().regex(/^[A-Za-z0-9_]{1,128}$/);

/** Whoever may list a scope may say what uses it, and learns what is there. */
const listing = {
  kind: 'action',
  action: 'secret.list',
  resource: ({ input }: HttpRequest) => scopeResource((input?.query as { scope?: string } | undefined)?.scope ?? ''),
} as const;
export const scopeResource = (scope: string): string => (scope === '' ? 'tenant/secrets' : `secret/${scope}`);

const register = defineRoute({
  method: 'PUT',
  path: base,
  summary: 'Says which secrets a consumer references; of a configuration nothing but the references is kept',
  access: listing,
  params,
  query: scoped.extend({
    force: z.enum(['true', 'false']).default('false').describe('Also with near misses and unknown names'),
    dryRun: z.enum(['true', 'false']).default('false').describe('Only check'),
  }),
  body: z.strictObject({
    config: z.unknown().optional(),
    references: z.array(z.string().max(1_024)).max(maxReferences).optional(),
  }),
  headers: commandHeaders,
  bodyLimitBytes: 512 * 1024,
  problems: ['references_wrong'],
});

const mounted = defineRoute({
  method: 'POST',
  path: `${base}/mounted`,
  summary: 'Says which versions are where the consumer reads them',
  access: listing,
  params,
  query: scoped,
  body: z.strictObject({
    secrets: z
      .array(z.strictObject({ name, version: z.int().min(1) }))
      .min(1)
      .max(maxReferences),
  }),
  headers: commandHeaders,
  problems: ['not_found'],
});

const forget = defineRoute({
  method: 'DELETE',
  path: base,
  summary: 'Forgets a consumer and its references',
  access: listing,
  params,
  query: scoped,
  status: 204,
});

const changes = defineRoute({
  method: 'GET',
  path: `${base}/changes`,
  summary: 'Waits for new versions of the secrets that a consumer references; names and numbers, no values',
  access: listing,
  params,
  query: scoped.extend({
    after: z.string().max(48).optional().describe('Position of the answer before; absent: where the log stands now'),
    wait: z.coerce.number().int().min(0).max(50).default(25).describe('Seconds'),
  }),
  timeoutMs: 60_000,
  problems: ['not_found', 'unavailable'],
});

@Controller()
export class ConsumerController {
  readonly #pepper: Pepper;

  constructor(
    @Inject(PLATFORM) platform: Platform,
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
    @Inject(Consumers) private readonly consumers: Consumers,
    @Inject(VersionChanges) private readonly versionChanges: VersionChanges,
  ) {
    this.#pepper = platform.pepper;
  }

  @Route(register)
  async register(@Input() input: InputOf<typeof register>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { params, query, body } = input;
    const consumer = { ...params, scope: query.scope };
    const wanted = wantedReferences({ config: body.config, references: body.references }, query.scope);
    if (wanted.references.length > maxReferences) throw tooMany();
    const { resolved, findings } = await this.consumers.resolve(caller.tenantId, wanted.references);
    const all = [...wanted.findings, ...findings];
    if (all.length > 0 && query.force === 'false') {
      const errors = all.slice(0, 100).map(({ path, message, code }) => ({ path, message: `${message} (${code})` }));
      throw new ProblemError('references_wrong', undefined, { errors });
    }
    if (query.dryRun === 'false') {
      const references = resolved.map(({ secret, path }) => ({ secret, path: this.#recorded(path) }));
      const data = { ...this.#recordedName(consumer), references };
      await this.#handle(request, caller, consumer, 'consumer.register', registerConsumer(data));
    }
    return { consumer, secrets: await this.consumers.statesOf(caller.tenantId, resolved), findings: all };
  }

  @Route(mounted)
  async mounted(@Input() input: InputOf<typeof mounted>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const consumer = { ...input.params, scope: input.query.scope };
    const names = wantedReferences({ references: input.body.secrets.map((one) => one.name) }, consumer.scope);
    const { resolved } = await this.consumers.resolve(caller.tenantId, names.references);
    const versions = new Map(input.body.secrets.map((one) => [pathOf(consumer.scope, one.name), one.version]));
    const secrets = resolved.map(({ secret, path }) => ({ secret, version: versions.get(path) ?? 1 }));
    const data = { ...this.#recordedName(consumer), secrets };
    await this.#handle(request, caller, consumer, 'consumer.mount', reportMounted(data));
    return { consumer, secrets: await this.consumers.statesOf(caller.tenantId, resolved) };
  }

  @Route(forget)
  async forget(@Input() input: InputOf<typeof forget>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const consumer = { ...input.params, scope: input.query.scope };
    await this.#handle(request, caller, consumer, 'consumer.forget', forgetConsumer(this.#recordedName(consumer)));
  }

  @Route(changes)
  async changes(
    @Input() input: InputOf<typeof changes>,
    @Caller() { tenantId }: Principal,
    @Req() request: HttpRequest,
  ) {
    const { after, wait, scope } = input.query;
    const stream = consumerStream(this.#pepper, tenantId, { ...input.params, scope });
    const secrets = await this.consumers.secretsOf(tenantId, stream);
    if (secrets.size === 0) throw new ProblemError('not_found', 'There is no such consumer, or it references nothing');
    const gone = new AbortController();
    request.raw.socket.once('close', () => gone.abort());
    try {
      return await this.versionChanges.after(tenantId, secrets, after, wait * 1_000, gone.signal);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const errors = [{ path: 'query.after', message: `is no position such as ${formatPosition(startPosition)}` }];
      throw new ProblemError('validation_failed', undefined, { errors });
    }
  }

  #handle(
    request: HttpRequest,
    caller: Principal,
    consumer: ConsumerName,
    operation: string,
    decide: Parameters<typeof handleCommand<ReturnType<typeof consumerDecider.evolve>>>[2]['decide'],
  ) {
    const streamId = consumerStream(this.#pepper, caller.tenantId, consumer);
    return handleCommand(this.store, consumerDecider, { request, caller, operation, streamId, decide });
  }

  #recorded(text: string): string {
    return recordableText(this.#pepper, text);
  }

  #recordedName({ kind, id, scope }: ConsumerName): ConsumerName {
    return { kind, id: this.#recorded(id), scope: this.#recorded(scope) };
  }
}

const pathOf = (scope: string, secret: string): string => (scope === '' ? secret : `${scope}/${secret}`);

const tooMany = (): ProblemError =>
  new ProblemError('validation_failed', undefined, {
    errors: [{ path: 'config', message: `has more than ${maxReferences} references` }],
  });
