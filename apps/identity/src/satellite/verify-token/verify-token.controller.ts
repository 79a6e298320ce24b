import { Caller, defineRoute, Input, type InputOf, type Principal, ProblemError, Route } from '@gatehouse/http';
import { Controller, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { JWTPayload } from 'jose';
import { z } from 'zod';
import { People } from '../../person/people.service.js';
import { SigningKeys } from '../../signing-key/signing-keys.service.js';
import { type AudienceRow, Audiences } from '../audiences.service.js';
import { MintOptions } from '../mint-token/mint-token.controller.js';
import { guest, holderOf } from '../satellite-token.js';
import { TokenSubjects } from '../token-subjects.service.js';
import { checkToken, type VerifyError, verifyErrors } from './check-token.js';

const verify = defineRoute({
  method: 'POST',
  path: '/api/v1/verify',
  summary: 'Checks a token for the service that it is for, which cannot do so itself',
  access: { kind: 'authenticated' },
  body: z.strictObject({ token: z.string().max(8_192) }),
  response: z.union([
    z.object({
      valid: z.literal(true),
      sub: z.string(),
      email: z.string().optional(),
      role: z.string(),
      aud: z.string(),
      exp: z.int(),
      iat: z.int(),
      tenant: z.string().optional(),
    }),
    z.object({ valid: z.literal(false), error: z.enum(Object.keys(verifyErrors)), message: z.string() }),
  ]),
  bodyLimitBytes: 16_384,
  problems: ['not_an_audience', 'audience_inactive'],
});

/** Somebody of whom a good token speaks, as that one stands now; or why the token is worth nothing. */
type Subject = { readonly role: string; readonly email?: string } | { readonly error: VerifyError };

@Controller()
export class VerifyTokenController {
  constructor(
    @Inject(Audiences) private readonly audiences: Audiences,
    @Inject(TokenSubjects) private readonly subjects: TokenSubjects,
    @Inject(People) private readonly people: People,
    @Inject(SigningKeys) private readonly keys: SigningKeys,
    @Inject(MintOptions) private readonly options: MintOptions,
  ) {}

  @Route(verify)
  async verify(
    @Input() { body }: InputOf<typeof verify>,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    void reply.header('cache-control', 'no-store');
    const audience = await this.#audienceOf(caller);
    const checked = await checkToken(body.token, {
      issuer: this.options.issuer,
      audience: audience.name,
      keys: (header) => this.keys.verificationKey(header),
      nowMs: Date.now(),
    });
    if (!checked.valid) return refused(checked.error);
    const subject = await this.#subjectOf(checked.claims, audience);
    if ('error' in subject) return refused(subject.error);
    const { sub, exp, iat, tenant } = checked.claims;
    return { valid: true, sub, ...subject, aud: audience.name, exp, iat, ...(tenant !== undefined && { tenant }) };
  }

  /** The service that calls is the audience: of the same name, in the same tenant. */
  async #audienceOf({ type, id, tenantId }: Principal): Promise<AudienceRow> {
    const audience = type === 'service' ? await this.audiences.ofTenant(tenantId, id) : undefined;
    if (!audience) throw new ProblemError('not_an_audience');
    if (audience.status === 'inactive') throw new ProblemError('audience_inactive');
    return audience;
  }

  async #subjectOf({ sub = '', tenant }: JWTPayload, audience: AudienceRow): Promise<Subject> {
    const holder = holderOf(sub, tenant);
    if (holder === 'guest') return audience.guests ? { role: guest.role } : { error: 'user_inactive' };
    if (holder === undefined) return { error: 'invalid_user_id' };
    const standing = await this.subjects.standingOf(holder);
    if (standing.status === 'unknown') return { error: 'user_not_found' };
    if (standing.status === 'inactive') return { error: 'user_inactive' };
    // Only the tenant that the person acts in can let its own service see the address.
    const mayShow = audience.showsEmail && holder.type === 'user' && holder.tenantId === audience.tenantId;
    const email = mayShow ? await this.#emailOf(holder.id) : undefined;
    return { role: standing.role, ...(email !== undefined && { email }) };
  }

  async #emailOf(userId: string): Promise<string | undefined> {
    const person = await this.people.byId(userId);
    return person && (await this.people.profileOf(person)).email;
  }
}

const refused = (error: VerifyError) => ({ valid: false, error, message: verifyErrors[error] });
