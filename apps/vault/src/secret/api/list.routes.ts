import { defineRoute } from '@gatehouse/http';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { z } from 'zod';
import { Secrets } from '../secrets.js';
import { decidedInside, serve } from './serve.js';
import { settings } from './shapes.js';

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/vault/secrets',
  access: decidedInside,
  summary: 'Lists names of secrets below a prefix: `name`, and `name/` for what lies below it',
  query: z.object({
    prefix: z.string().max(512).default(''),
    recursive: z.stringbool().default(false),
    limit: z.coerce.number().int().min(1).max(1_000).default(100),
    cursor: z.string().max(600).optional(),
  }),
  response: z.object({ keys: z.array(z.string()), nextCursor: z.string().nullable() }),
  problems: ['forbidden'],
});

const config = {
  path: '/api/v1/vault/config',
  access: decidedInside,
  response: z.object(settings),
  problems: ['forbidden'],
} as const;
const show = defineRoute({ ...config, method: 'GET', summary: "Shows the defaults of the tenant's secrets" });
const put = defineRoute({
  ...config,
  method: 'PUT',
  summary: "Changes the defaults of the tenant's secrets; what is not given stays",
  body: z.strictObject(settings).partial(),
});

/** What a tenant has, and what its secrets begin with. */
@Injectable()
export class ListRoutes implements OnModuleInit {
  constructor(
    @Inject(Secrets) private readonly secrets: Secrets,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  onModuleInit(): void {
    const server = this.host.httpAdapter.getInstance();
    const { secrets } = this;
    serve(server, list, (asker, { query: { prefix, ...options } }) => secrets.list(asker, prefix, options));
    serve(server, show, (asker) => secrets.config(asker));
    serve(server, put, (asker, { body }) => secrets.putConfig(asker, body));
  }
}
