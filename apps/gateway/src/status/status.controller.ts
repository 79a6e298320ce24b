import { defineRoute, Route } from '@gatehouse/http';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { UpstreamStatus } from './upstream-status.js';

const status = defineRoute({
  method: 'GET',
  path: '/status',
  access: { kind: 'public' },
  summary: 'Says which services are ready',
  response: z.object({ services: z.record(z.string(), z.enum(['ready', 'not ready', 'unreachable'])) }),
});

@Controller()
export class StatusController {
  constructor(@Inject(UpstreamStatus) private readonly upstreams: UpstreamStatus) {}

  @Route(status)
  async status() {
    return { services: await this.upstreams.report() };
  }
}
