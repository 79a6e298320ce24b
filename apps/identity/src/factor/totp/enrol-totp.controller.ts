import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { answering } from '../../problems.js';
import { FactorAccess, ownContext } from '../factor-access.service.js';
import { begunTotp, enrolled, totpCode } from '../factor-shapes.js';
import { TotpFactors } from './totp-factors.service.js';

const begin = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/factors/totp',
  summary: 'Begins to add an authenticator app: its secret, which a first code confirms within 15 minutes',
  access: { kind: 'authenticated', withoutSecondFactor: true },
  response: begunTotp,
  bodyLimitBytes: 1_024,
  problems: ['fresh_proof_required'],
});

const confirm = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/factors/totp/confirm',
  summary: 'Adds the authenticator app, given its first code',
  access: { kind: 'authenticated', withoutSecondFactor: true },
  body: z.strictObject({ code: totpCode }),
  response: enrolled,
  status: 201,
  bodyLimitBytes: 1_024,
  problems: ['fresh_proof_required', 'totp_not_begun', 'totp_code_wrong', 'totp_exists'],
});

@Controller()
export class EnrolTotpController {
  constructor(
    @Inject(FactorAccess) private readonly access: FactorAccess,
    @Inject(TotpFactors) private readonly totp: TotpFactors,
  ) {}

  @Route(begin)
  begin(@Caller() caller: Principal) {
    const now = Date.now();
    return answering(async () => {
      const { person, sessionId } = await this.access.mayChange(caller, now);
      return this.totp.begin(person, `session:${sessionId}`, now);
    });
  }

  @Route(confirm)
  confirm(@Input() { body }: InputOf<typeof confirm>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const now = Date.now();
    return answering(async () => {
      const { person, sessionId } = await this.access.mayChange(caller, now);
      const given = { boundTo: `session:${sessionId}`, code: body.code, onlyAsFirst: false };
      return this.totp.confirm(person, given, ownContext(request, person, now));
    });
  }
}
