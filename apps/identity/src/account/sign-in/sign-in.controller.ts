import { defineRoute, type HttpRequest, Input, type InputOf, ProblemError, Route } from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { answering } from '../../problems.js';
import { emailAddress, issuedTokens, password, tenantId } from '../account-schemas.js';
import { noRefreshCookie, refreshCookie, refuseCrossSite, tokenOfCookie } from '../refresh-cookie.js';
import { placeOf } from '../request-place.js';
import { type IssuedSession, Sessions } from '../session/sessions.service.js';
import { type SignInResult, SignIns } from './sign-ins.service.js';

const login = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/login',
  summary: 'Signs in with e-mail address and password; answers 401 with a challenge where a second factor is due',
  access: { kind: 'public' },
  body: z.strictObject({
    email: emailAddress,
    password,
    tenant: tenantId
      .optional()
      .describe('The tenant to act in; unless given: the only organization, else the own home'),
    cookie: z.boolean().default(false).describe('True: the refresh token goes into a cookie that no script reads'),
  }),
  response: issuedTokens,
  bodyLimitBytes: 16_384,
  problems: [
    'sign_in_refused',
    'second_factor_required',
    'sign_in_delayed',
    'tenant_not_selectable',
    'cross_site_refused',
    'unavailable',
  ],
});

const refresh = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/refresh',
  summary: 'Gives a new access token for a refresh token, which this call uses up, and the next refresh token',
  access: { kind: 'public' },
  body: z.strictObject({ refresh_token: z.string().max(128).optional(), tenant: tenantId.optional() }).optional(),
  response: issuedTokens,
  bodyLimitBytes: 4_096,
  problems: ['refresh_refused', 'tenant_not_selectable', 'cross_site_refused'],
});

const logout = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/logout',
  summary: 'Ends the session: of the refresh token in body or cookie, or of the access token',
  access: { kind: 'public' },
  body: z.strictObject({ refresh_token: z.string().max(128).optional() }).optional(),
  status: 204,
  bodyLimitBytes: 4_096,
  problems: ['unauthenticated', 'cross_site_refused'],
});

@Controller()
export class SignInController {
  constructor(
    @Inject(SignIns) private readonly signIns: SignIns,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(PLATFORM) private readonly platform: Platform,
  ) {}

  @Route(login)
  async login(
    @Input() { body }: InputOf<typeof login>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    if (body.cookie) refuseCrossSite(request);
    const signIn = { ...placeOf(request), now: Date.now(), tenantId: body.tenant };
    const result = await answering(() => this.signIns.withPassword(body.email, body.password, signIn));
    return tokensOf(sessionOf(result), body.cookie, reply);
  }

  @Route(refresh)
  async refresh(
    @Input() { body }: InputOf<typeof refresh>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const cookie = body?.refresh_token === undefined ? tokenOfCookie(request) : undefined;
    const token = body?.refresh_token ?? cookie ?? '';
    const session = await answering(() =>
      this.sessions.refresh(token, placeOf(request), Date.now(), body?.tenant),
    ).catch((error: unknown) => {
      if (cookie !== undefined && error instanceof ProblemError && error.status === 401)
        void reply.header('set-cookie', noRefreshCookie());
      throw error;
    });
    return tokensOf(session, cookie !== undefined, reply);
  }

  @Route(logout)
  async logout(
    @Input() { body }: InputOf<typeof logout>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const cookie = body?.refresh_token === undefined ? tokenOfCookie(request) : undefined;
    const token = body?.refresh_token ?? cookie;
    if (cookie !== undefined) void reply.header('set-cookie', noRefreshCookie());
    const sessionId = token === undefined ? await this.sessionOfBearer(request) : await this.sessions.idOf(token);
    if (sessionId !== undefined) await this.sessions.end(sessionId, 'signed_out');
  }

  private async sessionOfBearer(request: HttpRequest): Promise<string | undefined> {
    const { authorization } = request.headers;
    try {
      const caller = await this.platform.authenticate({ authorization, ip: request.ip }, Date.now());
      return caller.sessionId;
    } catch (error) {
      throw new ProblemError('unauthenticated', undefined, { cause: error });
    }
  }
}

/** @throws ProblemError `second_factor_required`, with what the caller needs to go on */
export function sessionOf(result: SignInResult): IssuedSession {
  if (result.status === 'signed_in') return result.session;
  const { challenge, expiresIn, factors } = result;
  throw new ProblemError('second_factor_required', undefined, {
    members: { challenge, expires_in: expiresIn, factors, enrol: factors.length === 0 },
  });
}

/** The documented shape, for every way to sign in. With `inCookie` no script of the page sees the refresh token. */
export function tokensOf(session: IssuedSession, inCookie: boolean, reply: FastifyReply) {
  const { accessToken, expiresIn, refreshToken, refreshExpiresIn, sessionId, tenantId: tenant } = session;
  if (inCookie) void reply.header('set-cookie', refreshCookie(refreshToken, refreshExpiresIn));
  return {
    access_token: accessToken,
    token_type: 'bearer' as const,
    expires_in: expiresIn,
    ...(!inCookie && { refresh_token: refreshToken }),
    refresh_expires_in: refreshExpiresIn,
    session_id: sessionId,
    tenant,
  };
}
