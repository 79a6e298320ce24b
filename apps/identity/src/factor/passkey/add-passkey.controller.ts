import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { answering } from '../../problems.js';
import { FactorAccess, ownContext } from '../factor-access.service.js';
import { browserOptions, enrolled, newPasskey, passkeyBodyLimit, passkeyName } from '../factor-shapes.js';
import { Passkeys } from './passkeys.service.js';

const options = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/factors/passkeys/options',
  summary: 'What a browser needs to make a passkey, good for five minutes',
  access: { kind: 'authenticated', withoutSecondFactor: true },
  response: browserOptions,
  bodyLimitBytes: 1_024,
  problems: ['fresh_proof_required'],
});

const add = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/factors/passkeys',
  summary: 'Adds a passkey, for a second factor and for signing in alone',
  access: { kind: 'authenticated', withoutSecondFactor: true },
  body: z.strictObject({ response: newPasskey, name: passkeyName }),
  response: enrolled,
  status: 201,
  bodyLimitBytes: passkeyBodyLimit,
  problems: ['fresh_proof_required', 'passkey_not_accepted', 'passkey_known', 'too_many_passkeys'],
});

@Controller()
export class AddPasskeyController {
  constructor(
    @Inject(FactorAccess) private readonly access: FactorAccess,
    @Inject(Passkeys) private readonly passkeys: Passkeys,
  ) {}

  @Route(options)
  options(@Caller() caller: Principal) {
    const now = Date.now();
    return answering(async () => {
      const { person, sessionId } = await this.access.mayChange(caller, now);
      return this.passkeys.creationOptions(person, `session:${sessionId}`, now);
    });
  }

  @Route(add)
  add(@Input() { body }: InputOf<typeof add>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const now = Date.now();
    return answering(async () => {
      const { person, sessionId } = await this.access.mayChange(caller, now);
      const given = { ...body, to: `session:${sessionId}`, onlyAsFirst: false };
      return this.passkeys.add(person, given, ownContext(request, person, now));
    });
  }
}
