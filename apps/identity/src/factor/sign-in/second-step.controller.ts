import { defineRoute, type HttpRequest, Input, type InputOf, Route } from '@gatehouse/http';
import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { issuedTokens } from '../../account/account-schemas.js';
import { tokensOf } from '../../account/sign-in/sign-in.controller.js';
import { answering } from '../../problems.js';
import { recoveryCode, totpCode } from '../factor-shapes.js';
import { SecondStep } from './second-step.service.js';
import { challengeToken, cookie, loginPath, stepOf } from './sign-in-step.js';

const problems = ['challenge_invalid', 'second_factor_failed', 'rate_limited', 'cross_site_refused'];

const totp = defineRoute({
  method: 'POST',
  path: `${loginPath}/totp`,
  summary: 'Completes a sign-in with the code of an authenticator app',
  access: { kind: 'public' },
  body: z.strictObject({ challenge: challengeToken, code: totpCode, cookie }),
  response: issuedTokens,
  bodyLimitBytes: 1_024,
  problems,
});

const recovery = defineRoute({
  method: 'POST',
  path: `${loginPath}/recovery`,
  summary: 'Completes a sign-in with a recovery code, which is used up by it',
  access: { kind: 'public' },
  body: z.strictObject({ challenge: challengeToken, code: recoveryCode, cookie }),
  response: issuedTokens,
  bodyLimitBytes: 1_024,
  problems,
});

@Controller()
export class SecondStepController {
  constructor(@Inject(SecondStep) private readonly second: SecondStep) {}

  @Route(totp)
  async totp(
    @Input() { body }: InputOf<typeof totp>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const step = stepOf(request, body.cookie);
    const session = await answering(() => this.second.withTotp(body.challenge, body.code, step));
    return tokensOf(session, body.cookie, reply);
  }

  @Route(recovery)
  async recovery(
    @Input() { body }: InputOf<typeof recovery>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const step = stepOf(request, body.cookie);
    const session = await answering(() => this.second.withRecoveryCode(body.challenge, body.code, step));
    return tokensOf(session, body.cookie, reply);
  }
}
