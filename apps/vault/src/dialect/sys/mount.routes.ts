import { ProblemError } from '@gatehouse/http';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { type DialectRoute, type DialectRoutes, dialectRoute } from '../dialect-route.js';
import { mountOf, mounts } from './mounts.js';

const preflight = dialectRoute(
  {
    methods: ['GET'],
    path: '/v1/sys/internal/ui/mounts/*',
    summary: 'Which mount a path lies in, and which version of KV it speaks: what a client asks before all else',
    params: z.object({ '*': z.string().min(1).max(512) }),
  },
  async ({ params }) => {
    const found = mountOf(params['*']);
    // As Vault does: 404 would mean "the first version of KV" to its clients.
    if (!found) throw new ProblemError('forbidden');
    return { data: { path: found.path, ...found.view } };
  },
);

const visible = dialectRoute(
  { methods: ['GET'], path: '/v1/sys/internal/ui/mounts', summary: 'The mounts that a person may see' },
  async () => ({ data: { secret: mounts, auth: {} } }),
);

const list = dialectRoute(
  { methods: ['GET'], path: '/v1/sys/mounts', summary: 'The mounts there are: always the same' },
  async () => ({ data: mounts, onTop: true }),
);

@Injectable()
export class MountRoutes implements DialectRoutes {
  readonly routes: readonly DialectRoute[] = [preflight, visible, list];
}
