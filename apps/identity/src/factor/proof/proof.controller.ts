import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { answering } from '../../problems.js';
import { FactorAccess } from '../factor-access.service.js';
import { browserOptions, passkeyBodyLimit, signedPasskey, totpCode } from '../factor-shapes.js';
import { freshMs } from '../fresh-proofs.service.js';
import { Proofs } from './proofs.service.js';

const options = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/factors/proof/options',
  summary: 'What a browser needs to prove with a passkey that it is still its person',
  access: { kind: 'authenticated', withoutSecondFactor: true },
  response: browserOptions,
  bodyLimitBytes: 1_024,
});

const prove = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/factors/proof',
  summary:
    'Proves once more who the caller is, for ten minutes of changes: by a second factor, or a password where there is none',
  access: { kind: 'authenticated', withoutSecondFactor: true },
  body: z.union([
    z.strictObject({ password: z.string().min(1).max(1_024) }),
    z.strictObject({ code: totpCode }),
    z.strictObject({ response: signedPasskey }),
  ]),
  response: z.object({ fresh_until: z.iso.datetime() }),
  bodyLimitBytes: passkeyBodyLimit,
  problems: ['second_factor_failed', 'rate_limited'],
});

@Controller()
export class ProofController {
  constructor(
    @Inject(FactorAccess) private readonly access: FactorAccess,
    @Inject(Proofs) private readonly proofs: Proofs,
  ) {}

  @Route(options)
  async options(@Caller() caller: Principal) {
    return this.proofs.passkeyOptions(await this.access.signedIn(caller), Date.now());
  }

  @Route(prove)
  prove(@Input() { body }: InputOf<typeof prove>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const now = Date.now();
    return answering(async () => {
      await this.proofs.take(body, await this.access.signedIn(caller), request, now);
      return { fresh_until: new Date(now + freshMs).toISOString() };
    });
  }
}
