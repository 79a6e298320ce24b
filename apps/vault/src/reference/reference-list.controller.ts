import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { pathFault } from '../secret/path.js';
import { scopeResource } from './consumer.controller.js';
import { Consumers } from './consumers.js';

const isPath = (path: string) => pathFault(path) === undefined;
const maxUsers = 1_000;

const users = defineRoute({
  method: 'GET',
  path: '/api/v1/vault/references',
  summary: 'Who references a secret, and who has which version mounted',
  access: {
    kind: 'action',
    action: 'secret.list',
    resource: ({ input }: HttpRequest) => `secret/${(input?.query as { secret?: string } | undefined)?.secret ?? ''}`,
  },
  query: z.object({ secret: z.string().max(512).refine(isPath, 'is no path of a secret') }),
});

const overview = defineRoute({
  method: 'GET',
  path: '/api/v1/vault/secrets-overview',
  summary: 'Secrets with their references and states: sealed, referenced, mounted; never a value',
  access: {
    kind: 'action',
    action: 'secret.list',
    resource: ({ input }: HttpRequest) =>
      scopeResource((input?.query as { prefix?: string } | undefined)?.prefix ?? ''),
  },
  query: z.object({
    prefix: z
      .string()
      .max(512)
      .default('')
      .refine((prefix) => prefix === '' || isPath(prefix), 'is no path of secrets'),
    limit: z.coerce.number().int().min(1).max(1_000).default(200),
    cursor: z.string().max(512).default(''),
  }),
});

@Controller()
export class ReferenceListController {
  constructor(@Inject(Consumers) private readonly consumers: Consumers) {}

  @Route(users)
  async users(@Input() { query }: InputOf<typeof users>, @Caller() { tenantId }: Principal) {
    return { consumers: await this.consumers.usersOf(tenantId, query.secret, maxUsers) };
  }

  @Route(overview)
  async overview(@Input() { query }: InputOf<typeof overview>, @Caller() { tenantId }: Principal) {
    const { prefix, cursor, limit } = query;
    const found = await this.consumers.overview(tenantId, prefix, cursor, limit + 1);
    const secrets = found.slice(0, limit);
    return { secrets, nextCursor: found.length > limit ? (secrets.at(-1)?.path ?? null) : null };
  }
}
