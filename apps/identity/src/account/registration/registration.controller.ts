import type { CommandContext } from '@gatehouse/event-store';
import { defineRoute, type HttpRequest, Input, type InputOf, ProblemError, Route } from '@gatehouse/http';
import { newTraceContext, recordedText } from '@gatehouse/telemetry';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { personalTenantId } from '../../person/people.service.js';
import { answering } from '../../problems.js';
import { Invitations } from '../../tenancy/invitation/invitations.service.js';
import { ACCOUNT, type Account } from '../account.service.js';
import { refuse } from '../account-refusal.js';
import { emailAddress, linkToken, password, personName } from '../account-schemas.js';
import { atLeast } from '../at-least.js';
import type { Register, RegisteredPerson } from './register-people.service.js';

const register = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/register',
  summary: 'Registers a person, who is there once the address is verified; answers alike whether the address is taken',
  access: { kind: 'public' },
  body: z.strictObject({
    email: emailAddress,
    password,
    name: personName.optional(),
    tenant_name: recordedText(100).optional().describe('An organization to make for the person'),
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
  problems: ['registration_closed', 'invitation_invalid', 'tenant_name_taken', 'sign_in_delayed', 'unavailable'],
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
  constructor(
    @Inject(ACCOUNT) private readonly account: Account,
    @Inject(Invitations) private readonly invitations: Invitations,
  ) {}

  @Route(register)
  async register(@Input() { body }: InputOf<typeof register>, @Req() request: HttpRequest) {
    const now = Date.now();
    const { email, password: chosen, name, tenant_name: tenantName, invitation_token: token } = body;
    const { throttle, registration } = this.account;
    await throttle.take([throttle.ofNetwork('requests', request.ip)], now);
    const details = { email, ...(name !== undefined && { name }), ...(tenantName !== undefined && { tenantName }) };
    const wanted = { ...details, password: chosen, now };
    const id = await answering(() => {
      if (registration === 'closed' || (registration === 'invited' && token === undefined))
        throw refuse('registration_closed');
      return atLeast(answerFloorMs, () => (token === undefined ? this.open(wanted) : this.invited(wanted, token)));
    });
    const created_at = new Date(now).toISOString();
    return { id, email, tenant_name: tenantName ?? 'Personal workspace', created_at };
  }

  private async open(wanted: Register): Promise<string> {
    return (await this.account.registerPeople.register(wanted)).userId;
  }

  /**
   * A link that was mailed to this very address proves the mailbox, so the person is there and a member at once. After a
   * crash between the two the person signs in and accepts the same link.
   *
   * @throws ProblemError `invitation_invalid`
   */
  private async invited(wanted: Register, token: string): Promise<string> {
    const found = await this.invitations.peek(token, wanted.email);
    if (!found?.emailMatches) throw new ProblemError('invitation_invalid');
    const made = await this.account.registerPeople.registerInvited(wanted);
    // The address has an account: that is told to its mailbox, and not here.
    if (!made) return this.open(wanted);
    await this.invitations.acceptFor(contextOf(wanted.now, made), made.userId, token);
    return made.userId;
  }

  @Route(verify)
  async verify(@Input() { body }: InputOf<typeof verify>, @Req() request: HttpRequest) {
    const now = Date.now();
    const { throttle, registerPeople } = this.account;
    const counted = throttle.ofNetwork('network', request.ip);
    await throttle.take([counted], now);
    const person = await answering(() => registerPeople.verify(body.token, body.password, now));
    await throttle.takeBack(counted);
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

const contextOf = (now: number, { userId }: RegisteredPerson): CommandContext => ({
  tenantId: personalTenantId(userId),
  actor: { type: 'user', id: userId },
  now,
  correlationId: newTraceContext().traceId,
});
