import { Caller, defineRoute, type HttpRequest, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { answering } from '../../problems.js';
import { FactorAccess, ownContext } from '../factor-access.service.js';
import { RecoveryCodes } from './recovery-codes.service.js';

const make = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/factors/recovery-codes',
  summary: 'Makes ten recovery codes, which this answer shows and no other ever will; earlier ones stop working',
  access: { kind: 'authenticated' },
  response: z.object({ recovery_codes: z.array(z.string()) }),
  status: 201,
  bodyLimitBytes: 1_024,
  problems: ['fresh_proof_required', 'no_factor'],
});

@Controller()
export class MakeRecoveryCodesController {
  constructor(
    @Inject(FactorAccess) private readonly access: FactorAccess,
    @Inject(RecoveryCodes) private readonly codes: RecoveryCodes,
  ) {}

  @Route(make)
  make(@Caller() caller: Principal, @Req() request: HttpRequest) {
    const now = Date.now();
    return answering(async () => {
      const { person } = await this.access.mayChange(caller, now);
      return { recovery_codes: await this.codes.make(person, ownContext(request, person, now)) };
    });
  }
}
