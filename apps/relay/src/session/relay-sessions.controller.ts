import {
  AUTHORIZE,
  type Authorize,
  Caller,
  defineRoute,
  type HttpRequest,
  Input,
  type InputOf,
  type Principal,
  ProblemError,
  Route,
} from '@gatehouse/http';
import { commandContext } from '@gatehouse/service';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { SessionList } from './session-list.js';

const page = {
  limit: z.coerce.number().int().min(1).max(500).default(100),
  cursor: z.uuid().optional(),
};
const view = z.object({
  sessionId: z.string(),
  deviceId: z.string(),
  subject: z.object({ type: z.string(), id: z.string() }),
  kind: z.string(),
  source: z.string().nullable(),
  relayId: z.string(),
  startedAt: z.string(),
});

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/relay/sessions',
  summary: 'Sessions on devices that run now, at any relay',
  access: { kind: 'action', action: 'device.manage', resource: 'tenant/devices' },
  query: z.object({ ...page, device: z.uuid().optional() }),
  response: z.object({ sessions: z.array(view), nextCursor: z.string().nullable() }),
});

const cut = defineRoute({
  method: 'DELETE',
  path: '/api/v1/relay/sessions/:sessionId',
  summary: 'Ends a session on a device at once, wherever it runs',
  // Which device it is on is not in the request: asked of policy when that is known.
  access: { kind: 'authenticated', anyScope: true },
  params: z.object({ sessionId: z.uuid() }),
  query: z.object({}),
  problems: ['not_found', 'forbidden'],
});

@Controller()
export class RelaySessionsController {
  constructor(
    @Inject(SessionList) private readonly sessions: SessionList,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
  ) {}

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() { tenantId }: Principal) {
    const { limit, cursor, device } = query;
    const found = await this.sessions.page(tenantId, device, cursor, limit + 1);
    const sessions = found.slice(0, limit);
    return { sessions, nextCursor: found.length > limit ? (sessions.at(-1)?.sessionId ?? null) : null };
  }

  @Route(cut)
  async cut(@Input() { params }: InputOf<typeof cut>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { sessionId } = params;
    const session = await this.sessions.find(caller.tenantId, sessionId);
    const resource = session ? `device/${session.deviceId}` : 'tenant/devices';
    const { allowed, decisionId } = await this.authorize(caller, 'device.manage', resource, request, {
      session: sessionId,
    });
    if (!allowed) throw new ProblemError('forbidden');
    if (!session) throw new ProblemError('not_found');
    await this.sessions.cut(commandContext(request, caller, Date.now()), session, decisionId);
  }
}
