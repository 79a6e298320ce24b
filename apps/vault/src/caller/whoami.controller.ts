import { Caller, defineRoute, type Principal, Route } from '@gatehouse/http';
import { Controller } from '@nestjs/common';
import { z } from 'zod';

const whoami = defineRoute({
  method: 'GET',
  path: '/api/v1/vault/whoami',
  summary: 'Whom the vault takes the caller for, and in which tenant',
  access: { kind: 'authenticated', anyScope: true },
  response: z.object({ type: z.string(), id: z.string(), tenantId: z.string() }),
});

@Controller()
export class WhoamiController {
  @Route(whoami)
  whoami(@Caller() { type, id, tenantId }: Principal) {
    return { type, id, tenantId };
  }
}
