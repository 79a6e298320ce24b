import { tenantIdPattern } from '@gatehouse/contracts';
import { defineRoute, Input, type InputOf, ProblemError, Route } from '@gatehouse/http';
import { Controller, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { keysPath, type Metadata, metadataOf } from './metadata.js';
import { type MetadataKey, signMetadata } from './metadata-key.js';

export const METADATA = Symbol('policy.metadata');

export interface MetadataOptions {
  readonly origin: string;
  /** Absent: the metadata is not signed. */
  readonly key?: MetadataKey;
}

const response = z.looseObject({
  policy_decision_point: z.url(),
  access_evaluation_endpoint: z.url(),
  access_evaluations_endpoint: z.url(),
  search_subject_endpoint: z.url(),
  search_resource_endpoint: z.url(),
  search_action_endpoint: z.url(),
  capabilities: z.array(z.string()),
  obligations_supported: z.array(z.string()),
  jwks_uri: z.url().optional(),
  signed_metadata: z.string().optional(),
});

const metadata = defineRoute({
  method: 'GET',
  path: '/.well-known/authzen-configuration',
  summary: 'Describes the decision point (AuthZEN 1.0)',
  access: { kind: 'public' },
  response,
});
const tenantMetadata = defineRoute({
  method: 'GET',
  path: '/.well-known/authzen-configuration/:tenant',
  summary: 'Describes the decision point of one tenant (AuthZEN 1.0); the same for a tenant that does not exist',
  access: { kind: 'public' },
  params: z.object({ tenant: z.string().regex(tenantIdPattern, 'is not the id of a tenant') }),
  response,
});
const keys = defineRoute({
  method: 'GET',
  path: keysPath,
  summary: 'The public key that signed_metadata is verified with (RFC 7517)',
  access: { kind: 'public' },
  response: z.object({ keys: z.array(z.looseObject({})) }),
});

/** What a client may keep without asking again. A new key is served with the metadata that it signs. */
const cached = 'public, max-age=3600';
const cachedKeys = 'public, max-age=300';

@Controller()
export class MetadataController {
  constructor(@Inject(METADATA) private readonly options: MetadataOptions) {}

  @Route(metadata)
  metadata(@Res({ passthrough: true }) reply: FastifyReply) {
    return this.describe(reply);
  }

  @Route(tenantMetadata)
  ofTenant(@Input() { params }: InputOf<typeof tenantMetadata>, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.describe(reply, params.tenant);
  }

  @Route(keys)
  keys(@Res({ passthrough: true }) reply: FastifyReply) {
    if (!this.options.key) throw new ProblemError('not_found');
    reply.header('cache-control', cachedKeys);
    return { keys: [this.options.key.publicJwk] };
  }

  private async describe(reply: FastifyReply, tenantId?: string): Promise<Metadata & { signed_metadata?: string }> {
    const { origin, key } = this.options;
    const plain = metadataOf(origin, tenantId, key !== undefined);
    reply.header('cache-control', cached);
    return key ? { ...plain, signed_metadata: await signMetadata(key, plain, Date.now()) } : plain;
  }
}
