import { type Principal } from '@gatehouse/authn';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, ProblemError, Route } from '@gatehouse/http';
import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { oidcPaths } from '../provider/configuration.js';
import { Interactions } from './interactions.service.js';

const params = z.object({ uid: z.string().regex(/^[A-Za-z0-9_-]{20,64}$/) });
const location = z.object({ location: z.string() });
const path = `${oidcPaths.interaction}/:uid`;
const problems = ['interaction_over', 'cross_site_refused'];

const show = defineRoute({
  method: 'GET',
  path,
  summary: 'What a client asks of a person; a browser that navigates here is sent to the page that asks',
  access: { kind: 'public' },
  params,
  response: z.object({
    uid: z.string(),
    prompt: z.enum(['login', 'consent']),
    reasons: z.array(z.string()),
    client: z.object({ id: z.string(), title: z.string(), registered: z.boolean() }),
    redirectHost: z.string(),
    scopes: z.array(z.string()),
    permissions: z.array(z.string()),
    /** Where the person may let the client in; more than one is a choice. */
    tenants: z.array(z.object({ id: z.string(), name: z.string() })),
    loginHint: z.string().optional(),
  }),
  problems,
});

const login = defineRoute({
  method: 'POST',
  path: `${path}/login`,
  summary: 'Tells the client flow who signed in: the person of this access token',
  access: { kind: 'authenticated' },
  params,
  body: z.strictObject({}).nullish(),
  response: location,
  problems: [...problems, 'sign_in_too_old'],
});

const consent = defineRoute({
  method: 'POST',
  path: `${path}/consent`,
  summary: 'The person agrees, and says for which tenant where there is a choice',
  access: { kind: 'public' },
  params,
  body: z.strictObject({ tenantId: z.string().min(1).max(63).optional() }),
  response: location,
  problems: [...problems, 'not_a_member', 'tenant_choice_needed', 'tenant_needs_second_factor'],
});

const abort = defineRoute({
  method: 'POST',
  path: `${path}/abort`,
  summary: 'The person does not agree',
  access: { kind: 'public' },
  params,
  body: z.strictObject({}).nullish(),
  response: location,
  problems,
});

/** The pages talk to these. The interaction's cookie must match its address in each of them. */
@Controller()
export class InteractionController {
  constructor(@Inject(Interactions) private readonly interactions: Interactions) {}

  @Route(show)
  async show(
    @Input() input: InputOf<typeof show>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { uid } = input.params;
    const shown = await this.interactions.show(request, reply, uid);
    if (!isNavigation(request)) return shown;
    const page = shown.prompt === 'login' ? '/signin' : '/consent';
    void reply.code(303).header('location', `${page}?interaction=${uid}`);
    return shown;
  }

  @Route(login)
  login(
    @Input() input: InputOf<typeof login>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    ownPageOnly(request);
    return this.interactions.login(request, reply, input.params.uid, caller);
  }

  @Route(consent)
  consent(
    @Input() input: InputOf<typeof consent>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    ownPageOnly(request);
    return this.interactions.consent(request, reply, input.params.uid, input.body.tenantId);
  }

  @Route(abort)
  abort(
    @Input() input: InputOf<typeof abort>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    ownPageOnly(request);
    return this.interactions.abort(request, reply, input.params.uid);
  }
}

const isNavigation = ({ headers }: HttpRequest): boolean =>
  headers['sec-fetch-mode'] === 'navigate' || /^text\/html\b/.test(headers.accept ?? '');

/**
 * A header of our own cannot be sent by a form, nor by a script of another site without a preflight that nobody here
 * answers; `SameSite` and the JSON body stand beside it.
 */
export function ownPageOnly({ headers }: HttpRequest): void {
  const site = headers['sec-fetch-site'];
  if (headers['x-gatehouse-request'] === undefined || (site !== undefined && site !== 'same-origin'))
    throw new ProblemError('cross_site_refused');
}
