import { defineRoute, type HttpRequest, Input, type InputOf, Route } from '@gatehouse/http';
import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { issuedTokens, tenantId } from '../../account/account-schemas.js';
import { sessionOf, tokensOf } from '../../account/sign-in/sign-in.controller.js';
import { answering } from '../../problems.js';
import { browserOptions, passkeyBodyLimit, signedPasskey } from '../factor-shapes.js';
import { SecondStep } from './second-step.service.js';
import { challengeToken, cookie, loginPath, stepOf } from './sign-in-step.js';

const options = defineRoute({
  method: 'POST',
  path: `${loginPath}/passkey/options`,
  summary: 'What a browser needs to sign in with a passkey: as the second factor of a challenge, or alone',
  access: { kind: 'public' },
  body: z.strictObject({ challenge: challengeToken.optional() }),
  response: browserOptions,
  bodyLimitBytes: 1_024,
  problems: ['challenge_invalid'],
});

const passkey = defineRoute({
  method: 'POST',
  path: `${loginPath}/passkey`,
  summary: 'Completes a sign-in with a passkey, or signs in with nothing but one that asked who uses it',
  access: { kind: 'public' },
  body: z.strictObject({
    challenge: challengeToken.optional(),
    response: signedPasskey,
    tenant: tenantId
      .optional()
      .describe('The tenant to act in, for a passkey alone; unless given: the only organization, else the own home'),
    cookie,
  }),
  response: issuedTokens,
  bodyLimitBytes: passkeyBodyLimit,
  problems: ['challenge_invalid', 'second_factor_failed', 'tenant_not_selectable', 'cross_site_refused'],
});

@Controller()
export class PasskeyStepController {
  constructor(@Inject(SecondStep) private readonly second: SecondStep) {}

  @Route(options)
  options(@Input() { body }: InputOf<typeof options>) {
    return answering(() => this.second.passkeyOptions(body.challenge, Date.now()));
  }

  @Route(passkey)
  async passkey(
    @Input() { body }: InputOf<typeof passkey>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { challenge, response, tenant } = body;
    const step = stepOf(request, body.cookie, tenant);
    const session = await answering(async () =>
      challenge === undefined
        ? sessionOf(await this.second.withPasskeyAlone(response, step))
        : this.second.withPasskey(challenge, response, step),
    );
    return tokensOf(session, body.cookie, reply);
  }
}
