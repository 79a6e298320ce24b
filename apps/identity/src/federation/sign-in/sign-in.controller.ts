import { tenantIdPattern } from '@gatehouse/contracts';
import {
  Caller,
  defineRoute,
  type HttpRequest,
  Input,
  type InputOf,
  type Principal,
  ProblemError,
  Route,
  unavailable,
} from '@gatehouse/http';
import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { issuedTokens } from '../../account/account-schemas.js';
import { refuseCrossSite } from '../../account/refresh-cookie.js';
import { placeOf } from '../../account/request-place.js';
import { sessionOf, tokensOf } from '../../account/sign-in/sign-in.controller.js';
import { answering } from '../../problems.js';
import { Refusal } from '../../refusal.js';
import { domainOf } from '../domain.js';
import { FEDERATION, type Federation } from '../federation.js';
import type { StoredProvider } from '../provider/providers.service.js';
import { signInMinutes } from './sign-in-rows.service.js';
import { clearCookie, isLocalPath, readCookie, setCookie } from './sign-in-secret.js';

const path = '/api/v1/auth/federated';
const tenant = z.string().regex(tenantIdPattern, 'is not the id of a tenant');
const email = z.string().max(320);
const defaultReturn = '/';

const providers = defineRoute({
  method: 'GET',
  path: `${path}/providers`,
  summary: 'Which providers people of a tenant, or of the domain of an address, can sign in by',
  access: { kind: 'public' },
  query: z.object({ email: email.optional(), tenant: tenant.optional() }),
  response: z.object({ providers: z.array(z.object({ idpId: z.uuid(), name: z.string(), tenant: z.string() })) }),
});

const start = defineRoute({
  method: 'POST',
  path: `${path}/start`,
  summary: 'Begins a sign-in by a provider: answers where to send the browser',
  access: { kind: 'public' },
  body: z.strictObject({
    idpId: z.uuid().optional(),
    tenant: tenant.optional(),
    email: email.optional(),
    return: z.string().max(512).default(defaultReturn).describe('Path of this installation to come back to'),
  }),
  response: z.object({ location: z.string() }),
  bodyLimitBytes: 4_096,
  problems: ['not_found', 'federation_busy', 'unavailable'],
});

const callback = defineRoute({
  method: 'GET',
  path: `${path}/callback/:idpId`,
  summary: 'Where providers send the browser back to; answers by sending it on, with ?federation=<outcome>',
  access: { kind: 'public' },
  params: z.object({ idpId: z.uuid() }),
  // Read by the library from the address itself. The rest is what Keycloak, Entra and Google add, and is not read.
  query: z.object({
    code: z.string().max(4_096).optional(),
    state: z.string().max(256).optional(),
    iss: z.string().max(512).optional(),
    error: z.string().max(256).optional(),
    error_description: z.string().max(1_024).optional(),
    error_uri: z.string().max(512).optional(),
    session_state: z.string().max(512).optional(),
    client_info: z.string().max(1_024).optional(),
    scope: z.string().max(1_024).optional(),
    authuser: z.string().max(64).optional(),
    prompt: z.string().max(64).optional(),
    hd: z.string().max(256).optional(),
  }),
  status: 303,
  timeoutMs: 30_000,
  problems: ['federation_sign_in_invalid'],
});

const confirm = defineRoute({
  method: 'POST',
  path: `${path}/confirm`,
  summary: 'Takes the code that was mailed to the address, in the browser that signs in',
  access: { kind: 'public' },
  body: z.strictObject({ code: z.string().max(64) }),
  status: 204,
  bodyLimitBytes: 1_024,
  problems: ['federation_sign_in_invalid', 'federation_refused'],
});

const link = defineRoute({
  method: 'POST',
  path: `${path}/link`,
  summary: 'Links the account that the caller is signed in to, instead of a mailed code',
  access: { kind: 'authenticated' },
  status: 204,
  bodyLimitBytes: 1_024,
  problems: ['federation_sign_in_invalid', 'federation_refused'],
});

const finish = defineRoute({
  method: 'POST',
  path: `${path}/finish`,
  summary: 'Gives the session of a sign-in that has come back',
  access: { kind: 'public' },
  body: z.strictObject({
    cookie: z.boolean().default(false).describe('True: the refresh token goes into a cookie that no script reads'),
  }),
  response: issuedTokens,
  bodyLimitBytes: 1_024,
  problems: ['federation_sign_in_invalid', 'federation_refused', 'second_factor_required', 'cross_site_refused'],
});

@Controller()
export class FederatedSignInController {
  constructor(@Inject(FEDERATION) private readonly federation: Federation) {}

  /** Answers the same for an address that has an account and for one that has none: only its domain is looked at. */
  @Route(providers)
  async providers(@Input() { query }: InputOf<typeof providers>) {
    const found = await this.find(query);
    return { providers: found.map(({ tenantId, config: { idpId, name } }) => ({ idpId, name, tenant: tenantId })) };
  }

  @Route(start)
  async start(@Input() { body }: InputOf<typeof start>, @Res({ passthrough: true }) reply: FastifyReply) {
    const { return: returnPath, ...wanted } = body;
    if (!isLocalPath(returnPath, this.federation.publicUrl)) throw notLocal();
    const [provider, ...others] = await this.find(wanted);
    if (!provider || others.length > 0) throw new ProblemError('not_found', 'There is no such provider, or several');
    const { location, secret } = await answering(() =>
      this.federation.signIns.start(provider, returnPath, Date.now()).catch((error: unknown) => {
        if (error instanceof Refusal && error.code === 'idp_discovery_failed')
          throw unavailable('The provider cannot be reached', 5, error);
        throw error;
      }),
    );
    void reply.header('set-cookie', setCookie(secret, signInMinutes * 60));
    return { location };
  }

  @Route(callback)
  async callback(
    @Input() { params }: InputOf<typeof callback>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const query = request.url.slice(request.url.indexOf('?') + 1);
    const { returnPath, outcome } = await answering(() =>
      this.federation.signIns.callback(secretOf(request), params.idpId, query, Date.now()),
    );
    const url = new URL(returnPath, this.federation.publicUrl);
    url.searchParams.set('federation', outcome);
    void reply.header('location', `${url.pathname}${url.search}`);
  }

  @Route(confirm)
  confirm(@Input() { body }: InputOf<typeof confirm>, @Req() request: HttpRequest): Promise<void> {
    refuseCrossSite(request);
    return answering(() => this.federation.signIns.confirm(secretOf(request), body.code.trim(), Date.now()));
  }

  /** With a session of one's own, not with a key: a key does not show that a person is there. */
  @Route(link)
  async link(@Caller() caller: Principal & { sessionId?: string }, @Req() request: HttpRequest): Promise<void> {
    refuseCrossSite(request);
    if (caller.type !== 'user' || caller.sessionId === undefined) throw new ProblemError('forbidden');
    await answering(() => this.federation.signIns.link(secretOf(request), caller.id, Date.now()));
  }

  @Route(finish)
  async finish(
    @Input() { body }: InputOf<typeof finish>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    refuseCrossSite(request);
    const { signIns } = this.federation;
    const result = await answering(() => signIns.finish(secretOf(request), placeOf(request), Date.now()));
    void reply.header('set-cookie', clearCookie);
    return tokensOf(sessionOf(result), body.cookie, reply);
  }

  private async find({ idpId, tenant: tenantId, email: address }: Wanted): Promise<readonly StoredProvider[]> {
    const { providers: known, vouches } = this.federation;
    if ([idpId, tenantId, address].filter((given) => given !== undefined).length !== 1) throw notOne();
    if (idpId !== undefined) {
      const found = await known.byId(idpId);
      return found ? [found] : [];
    }
    if (tenantId !== undefined) return known.ofTenant(tenantId);
    const domain = domainOf(address ?? '');
    // A tenant may list any domain: only those that the installation believes are shown to whoever types an address.
    return domain === undefined ? [] : (await known.ofDomain(domain)).filter(vouches);
  }
}

type Wanted = { idpId?: string | undefined; tenant?: string | undefined; email?: string | undefined };

const secretOf = ({ headers }: HttpRequest): string => {
  const secret = readCookie(headers.cookie);
  if (secret === undefined) throw new ProblemError('federation_sign_in_invalid');
  return secret;
};

const invalid = (path: string, message: string) =>
  new ProblemError('validation_failed', undefined, { errors: [{ path, message }] });
const notLocal = () => invalid('body.return', 'is not a path of this installation');
const notOne = () => invalid('idpId', 'give one of idpId, tenant and email');
