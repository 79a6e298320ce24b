import { Caller, defineRoute, Input, type InputOf, ProblemError, Route } from '@gatehouse/http';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { ownSession, type SignedIn } from '../own-session.js';
import { type ListedSession, Sessions } from './sessions.service.js';

const sessionView = z.object({
  id: z.uuid(),
  current: z.boolean(),
  methods: z.array(z.string()),
  client_id: z.string().nullable(),
  started_at: z.iso.datetime(),
  last_used_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
  ip: z.string().nullable(),
  user_agent: z.string().nullable(),
});

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/auth/sessions',
  summary: "Lists the caller's open sessions, at most 50, newest first",
  access: { kind: 'authenticated' },
  response: z.object({ sessions: z.array(sessionView) }),
  problems: ['forbidden'],
});

const revoke = defineRoute({
  method: 'DELETE',
  path: '/api/v1/auth/sessions/:sessionId',
  summary: "Ends one of the caller's sessions",
  access: { kind: 'authenticated' },
  params: z.object({ sessionId: z.uuid() }),
  status: 204,
  problems: ['forbidden', 'not_found'],
});

const revokeOthers = defineRoute({
  method: 'DELETE',
  path: '/api/v1/auth/sessions',
  summary: "Ends all of the caller's sessions but this one",
  access: { kind: 'authenticated' },
  response: z.object({ ended: z.int() }),
  problems: ['forbidden'],
});

@Controller()
export class SessionsController {
  constructor(@Inject(Sessions) private readonly sessions: Sessions) {}

  @Route(list)
  async list(@Caller() caller: SignedIn) {
    const { userId, sessionId } = ownSession(caller);
    const open = await this.sessions.list(userId);
    return { sessions: open.map((session) => viewOf(session, sessionId)) };
  }

  @Route(revoke)
  async revoke(@Input() { params }: InputOf<typeof revoke>, @Caller() caller: SignedIn): Promise<void> {
    const { userId } = ownSession(caller);
    const own = await this.sessions.list(userId);
    // Somebody else's session is not there.
    if (!own.some(({ sessionId }) => sessionId === params.sessionId)) throw new ProblemError('not_found');
    await this.sessions.end(params.sessionId, 'revoked');
  }

  @Route(revokeOthers)
  async revokeOthers(@Caller() caller: SignedIn) {
    const { userId, sessionId } = ownSession(caller);
    return { ended: await this.sessions.endAll(userId, 'revoked', sessionId) };
  }
}

const viewOf = (session: ListedSession, current: string): z.output<typeof sessionView> => ({
  id: session.sessionId,
  current: session.sessionId === current,
  methods: [...session.methods],
  client_id: session.clientId ?? null,
  started_at: session.startedAt.toISOString(),
  last_used_at: session.lastUsedAt.toISOString(),
  expires_at: session.expiresAt.toISOString(),
  ip: session.ip ?? null,
  user_agent: session.userAgent ?? null,
});
