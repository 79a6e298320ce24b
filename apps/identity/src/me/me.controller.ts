import { Caller, defineRoute, type Principal, Route } from '@gatehouse/http';
import { Controller } from '@nestjs/common';
import { z } from 'zod';

const me = defineRoute({
  method: 'GET',
  path: '/api/v1/identity/me',
  summary: 'Shows who the caller is',
  access: { kind: 'authenticated' },
  response: z.object({ type: z.string(), id: z.string(), tenantId: z.string(), keyId: z.uuid().optional() }),
});

@Controller()
export class MeController {
  @Route(me)
  me(@Caller() caller: Principal & { readonly keyId?: string }) {
    const { type, id, tenantId, keyId } = caller;
    return { type, id, tenantId, ...(keyId !== undefined && { keyId }) };
  }
}
