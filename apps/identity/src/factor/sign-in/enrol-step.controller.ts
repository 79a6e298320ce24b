import { defineRoute, type HttpRequest, Input, type InputOf, Route } from '@gatehouse/http';
import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { issuedTokens } from '../../account/account-schemas.js';
import { tokensOf } from '../../account/sign-in/sign-in.controller.js';
import { answering } from '../../problems.js';
import {
  begunTotp,
  browserOptions,
  enrolled,
  newPasskey,
  passkeyBodyLimit,
  passkeyName,
  totpCode,
} from '../factor-shapes.js';
import { type EnrolledSession, SecondStep } from './second-step.service.js';
import { challengeToken, cookie, loginPath, stepOf } from './sign-in-step.js';

const path = `${loginPath}/enrol`;
const begun = z.strictObject({ challenge: challengeToken });
const session = issuedTokens.extend(enrolled.shape);

const beginTotp = defineRoute({
  method: 'POST',
  path: `${path}/totp`,
  summary: 'Begins to add the first second factor in a sign-in that demands one: an authenticator app',
  access: { kind: 'public' },
  body: begun,
  response: begunTotp,
  bodyLimitBytes: 1_024,
  problems: ['challenge_invalid', 'already_enrolled'],
});

const confirmTotp = defineRoute({
  method: 'POST',
  path: `${path}/totp/confirm`,
  summary: 'Adds the authenticator app, given its first code, and completes the sign-in',
  access: { kind: 'public' },
  body: begun.extend({ code: totpCode, cookie }),
  response: session,
  status: 201,
  bodyLimitBytes: 1_024,
  problems: ['challenge_invalid', 'already_enrolled', 'totp_not_begun', 'totp_code_wrong', 'cross_site_refused'],
});

const passkeyOptions = defineRoute({
  method: 'POST',
  path: `${path}/passkey/options`,
  summary: 'Begins to add the first second factor in a sign-in that demands one: a passkey',
  access: { kind: 'public' },
  body: begun,
  response: browserOptions,
  bodyLimitBytes: 1_024,
  problems: ['challenge_invalid', 'already_enrolled'],
});

const addPasskey = defineRoute({
  method: 'POST',
  path: `${path}/passkey`,
  summary: 'Adds the passkey and completes the sign-in',
  access: { kind: 'public' },
  body: begun.extend({ response: newPasskey, name: passkeyName, cookie }),
  response: session,
  status: 201,
  bodyLimitBytes: passkeyBodyLimit,
  problems: ['challenge_invalid', 'already_enrolled', 'passkey_not_accepted', 'passkey_known', 'cross_site_refused'],
});

@Controller()
export class EnrolStepController {
  constructor(@Inject(SecondStep) private readonly second: SecondStep) {}

  @Route(beginTotp)
  beginTotp(@Input() { body }: InputOf<typeof beginTotp>) {
    return answering(() => this.second.beginTotp(body.challenge, Date.now()));
  }

  @Route(confirmTotp)
  async confirmTotp(
    @Input() { body }: InputOf<typeof confirmTotp>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const step = stepOf(request, body.cookie);
    const done = await answering(() => this.second.confirmTotp(body.challenge, body.code, step));
    return answerOf(done, body.cookie, reply);
  }

  @Route(passkeyOptions)
  passkeyOptions(@Input() { body }: InputOf<typeof passkeyOptions>) {
    return answering(() => this.second.newPasskeyOptions(body.challenge, Date.now()));
  }

  @Route(addPasskey)
  async addPasskey(
    @Input() { body }: InputOf<typeof addPasskey>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const step = stepOf(request, body.cookie);
    const done = await answering(() => this.second.addPasskey(body.challenge, body, step));
    return answerOf(done, body.cookie, reply);
  }
}

const answerOf = ({ enrolled: added, session: issued }: EnrolledSession, inCookie: boolean, reply: FastifyReply) => ({
  ...tokensOf(issued, inCookie, reply),
  ...added,
});
