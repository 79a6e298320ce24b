import { defineRoute, type HttpRequest, Input, type InputOf, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { answering } from '../../problems.js';
import { ACCOUNT, type Account } from '../account.service.js';
import { refuse } from '../account-refusal.js';
import { emailAddress, linkToken, password, personName } from '../account-schemas.js';
import { atLeast } from '../at-least.js';

const register = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/register',
  summary: 'Registers a person, who is there once the address is verified; answers alike whether the address is taken',
  access: { kind: 'public' },
  body: z.strictObject({
    email: emailAddress,
    password,
    name: personName.optional(),
    tenant_name: personName.pipe(z.string().max(100)).optional().describe('An organization to make for the person'),
    invitation_token: z.string().max(256).optional(),
  }),
  response: z.object({
    id: z.uuid(),
    email: z.string(),
    tenant_name: z.string(),
    created_at: z.iso.datetime(),
  }),
  status: 201,
  bodyLimitBytes: 16_384,
  problems: ['registration_closed', 'tenant_name_taken', 'sign_in_delayed', 'unavailable'],
});

const verify = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/verify-email',
  summary: 'Finishes a registration with the mailed link and the password that was chosen',
  access: { kind: 'public' },
  body: z.strictObject({ token: linkToken, password }),
  response: z.object({ id: z.uuid(), email: z.string(), tenant: z.string().nullable() }),
  bodyLimitBytes: 16_384,
  problems: ['link_invalid', 'sign_in_delayed', 'unavailable'],
});

const resend = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/verify-email/resend',
  summary: 'Sends the letter of a registration again; answers alike whether there is one',
  access: { kind: 'public' },
  body: z.strictObject({ email: emailAddress }),
  response: z.object({ accepted: z.literal(true) }),
  status: 202,
  bodyLimitBytes: 4_096,
  problems: ['sign_in_delayed'],
});

/** Longer than any of these takes, so that how long one took tells nothing of the address. */
export const answerFloorMs = 200;

@Controller()
export class RegistrationController {
  constructor(@Inject(ACCOUNT) private readonly account: Account) {}

  @Route(register)
  async register(@Input() { body }: InputOf<typeof register>, @Req() request: HttpRequest) {
    const now = Date.now();
    const { email, name, tenant_name: tenantName } = body;
    const { throttle, registerPeople, registration } = this.account;
    await throttle.take([throttle.ofNetwork('requests', request.ip)], now);
    const wanted = {
      email,
      password: body.password,
      now,
      ...(name !== undefined && { name }),
      ...(tenantName !== undefined && { tenantName }),
    };
    const { userId } = await answering(() => {
      if (registration !== 'open') throw refuse('registration_closed');
      return atLeast(answerFloorMs, () => registerPeople.register(wanted));
    });
    const created_at = new Date(now).toISOString();
    return { id: userId, email, tenant_name: tenantName ?? 'Personal workspace', created_at };
  }

  @Route(verify)
  async verify(@Input() { body }: InputOf<typeof verify>, @Req() request: HttpRequest) {
    const now = Date.now();
    const { throttle, registerPeople } = this.account;
    const counted = throttle.ofNetwork('network', request.ip);
    await throttle.take([counted], now);
    const person = await answering(() => registerPeople.verify(body.token, body.password, now));
    await throttle.takeBack(counted, now);
    return { id: person.userId, email: person.email, tenant: person.organizationId ?? null };
  }

  @Route(resend)
  async resend(@Input() { body }: InputOf<typeof resend>, @Req() request: HttpRequest) {
    const now = Date.now();
    const { throttle, registerPeople } = this.account;
    await throttle.take([throttle.ofNetwork('requests', request.ip)], now);
    await atLeast(answerFloorMs, () => registerPeople.resend(body.email, now));
    return { accepted: true };
  }
}
