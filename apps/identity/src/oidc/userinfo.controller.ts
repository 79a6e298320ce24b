import type { Principal } from '@gatehouse/authn';
import { Caller, defineRoute, ProblemError, Route } from '@gatehouse/http';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { People } from '../person/people.service.js';
import { Grants } from './grant/grants.service.js';
import { oidcPaths } from './provider/configuration.js';

const read = defineRoute({
  method: 'GET',
  path: oidcPaths.userinfo,
  summary: 'What the client may know of the person it acts for (OpenID Connect Core 5.3)',
  access: { kind: 'authenticated', anyScope: true },
  response: z.object({
    sub: z.string(),
    email: z.string().optional(),
    email_verified: z.boolean().optional(),
    name: z.string().optional(),
  }),
});

@Controller()
export class UserinfoController {
  constructor(
    @Inject(Grants) private readonly grants: Grants,
    @Inject(People) private readonly people: People,
  ) {}

  /** By the scopes of the grant, not of the token: an access token names permissions only. */
  @Route(read)
  async read(@Caller() { type, id, sessionId }: Principal) {
    const grant = type === 'user' && sessionId !== undefined ? await this.grants.find(sessionId) : undefined;
    if (!grant?.scopes.has('openid') || grant.userId !== id) throw insufficientScope();
    const person = await this.people.byId(id);
    if (person?.status !== 'active') throw new ProblemError('unauthenticated');
    const { email, name } = await this.people.profileOf(person);
    return {
      sub: id,
      ...(grant.scopes.has('email') && email !== undefined && { email, email_verified: true }),
      ...(grant.scopes.has('profile') && name !== undefined && { name }),
    };
  }
}

/** RFC 6750 3.1. */
const insufficientScope = (): ProblemError =>
  new ProblemError('forbidden', 'The token was not given for the scope openid', {
    headers: { 'www-authenticate': 'Bearer error="insufficient_scope", scope="openid"' },
  });
