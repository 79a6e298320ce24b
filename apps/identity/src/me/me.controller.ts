import type { Principal } from '@gatehouse/authn';
import { Caller, defineRoute, Route } from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';

const me = defineRoute({
  method: 'GET',
  path: '/api/v1/identity/me',
  summary: 'Shows who the caller is, and what the credential reaches',
  // Whoever holds a credential may learn what it is: it says nothing of anybody else.
  access: { kind: 'authenticated', anyScope: true, withoutSecondFactor: true },
  response: z.object({
    type: z.string(),
    id: z.string(),
    tenantId: z.string(),
    /** A person's role in the tenant. A service has grants and no role. */
    role: z.string().optional(),
    keyId: z.uuid().optional(),
    scopes: z.array(z.string()).optional(),
    sessionId: z.string().optional(),
  }),
});

@Controller()
export class MeController {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  @Route(me)
  me(@Caller() caller: Principal) {
    const { type, id, tenantId, keyId, scopes, sessionId } = caller;
    const role = type === 'user' ? this.platform.callers.roleOf(tenantId, id) : undefined;
    return {
      type,
      id,
      tenantId,
      ...(role !== undefined && { role }),
      ...(keyId !== undefined && { keyId }),
      ...(scopes && { scopes: [...scopes] }),
      ...(sessionId !== undefined && { sessionId }),
    };
  }
}
