import { defineRoute, type HttpRequest, Route, type RouteMethod, unavailable } from '@gatehouse/http';
import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { oidcPaths } from './provider/configuration.js';
import { OidcPort } from './provider/oidc-port.service.js';

/** Handed to the provider as it came: query, form and client are the provider's to judge. */
const handedOn = <const M extends RouteMethod>(method: M, path: string, summary: string) =>
  defineRoute({ method, path, summary, access: { kind: 'public' }, forwarded: true, rawBody: true });

const discovery = handedOn('GET', '/.well-known/openid-configuration', 'What this OpenID provider can do');
const oauthDiscovery = handedOn('GET', '/.well-known/oauth-authorization-server', 'The same (RFC 8414)');
const authorization = handedOn('GET', oidcPaths.authorization, 'Begins an authorization (code and PKCE, S256 only)');
const resume = handedOn('GET', `${oidcPaths.authorization}/:uid`, 'Goes on with an authorization after its page');
const token = handedOn('POST', oidcPaths.token, 'Gives tokens for a code, a refresh token, a device code, ...');
const introspection = handedOn('POST', oidcPaths.introspection, 'Says whether a token works (RFC 7662)');
const revocation = handedOn('POST', oidcPaths.revocation, 'Ends a token and its family (RFC 7009)');
const device = handedOn('POST', oidcPaths.device_authorization, 'Begins a device flow (RFC 8628)');

@Controller()
export class OidcController {
  constructor(@Inject(OidcPort) private readonly port: OidcPort) {}

  @Route(discovery) discovery(@Req() request: HttpRequest, @Res() reply: FastifyReply) {
    return this.handOn(request, reply);
  }

  @Route(oauthDiscovery) oauthDiscovery(@Req() request: HttpRequest, @Res() reply: FastifyReply) {
    return this.handOn(request, reply);
  }

  @Route(authorization) authorization(@Req() request: HttpRequest, @Res() reply: FastifyReply) {
    return this.handOn(request, reply);
  }

  @Route(resume) resume(@Req() request: HttpRequest, @Res() reply: FastifyReply) {
    return this.handOn(request, reply);
  }

  @Route(token) token(@Req() request: HttpRequest, @Res() reply: FastifyReply) {
    return this.handOn(request, reply);
  }

  @Route(introspection) introspection(@Req() request: HttpRequest, @Res() reply: FastifyReply) {
    return this.handOn(request, reply);
  }

  @Route(revocation) revocation(@Req() request: HttpRequest, @Res() reply: FastifyReply) {
    return this.handOn(request, reply);
  }

  @Route(device) async device(@Req() request: HttpRequest, @Res() reply: FastifyReply) {
    await this.port.admitDevice(request.ip);
    return this.handOn(request, reply);
  }

  private handOn(request: HttpRequest, reply: FastifyReply): Promise<void> {
    if (!this.port.ready) throw unavailable('Keys are being loaded');
    return this.port.handle(request, reply);
  }
}
