import { defineRoute, Route, unavailable } from '@gatehouse/http';
import { Controller, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { SigningKeys } from './signing-keys.service.js';

const read = defineRoute({
  method: 'GET',
  path: '/.well-known/jwks.json',
  summary: 'The public keys that our tokens are verified with (RFC 7517)',
  access: { kind: 'public' },
  response: z.object({ keys: z.array(z.record(z.string(), z.unknown())) }),
});

@Controller()
export class JwksController {
  constructor(@Inject(SigningKeys) private readonly keys: SigningKeys) {}

  /** Cached for five minutes: a new key is published a day before it signs. */
  @Route(read)
  read(@Res({ passthrough: true }) reply: FastifyReply) {
    if (!this.keys.loaded) throw unavailable('Keys are being loaded');
    reply.header('cache-control', 'public, max-age=300');
    return this.keys.jwks();
  }
}
