import { uuidv7 } from '@gatehouse/crypto';
import { Caller, defineRoute, Input, type InputOf, type Principal, ProblemError, Route } from '@gatehouse/http';
import { Controller, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { AttemptLimit } from '../../setup/redeem-setup/attempt-limit.js';
import { SigningKeys } from '../../signing-key/signing-keys.service.js';
import { readAudienceName } from '../audience.js';
import { namePage, pageOf } from '../audience-view.js';
import { type AudienceRow, Audiences } from '../audiences.service.js';
import {
  claimsOf,
  guest,
  type SatelliteClaims,
  satelliteTokenSeconds,
  satelliteTokenType,
} from '../satellite-token.js';
import { TokenSubjects } from '../token-subjects.service.js';

/** What a process gives to people nobody knows: signing costs us more than asking costs them. */
const guestTokensPerMinute = 600;

/** How tokens are made here: from the settings. */
export abstract class MintOptions {
  abstract readonly issuer: string;
  abstract readonly guests: 'off' | 'on';
}

const query = z.object({ aud: z.string().max(256).optional().describe('Name of the audience') });
const minted = z.object({ target_token: z.string(), expires_in: z.int() });
const problems = ['missing_audience', 'audience_not_found', 'audience_inactive', 'key_not_configured'];

/** @throws ProblemError `missing_audience`, `audience_not_found` */
function audienceIn(input: unknown): string {
  const { aud } = (input as { query: { aud?: string } }).query;
  if (aud === undefined || aud.trim() === '') throw new ProblemError('missing_audience');
  const name = readAudienceName(aud);
  if (name === undefined) throw new ProblemError('audience_not_found');
  return name;
}

const mint = defineRoute({
  method: 'GET',
  path: '/api/v1/token',
  summary: 'A token of 60 seconds for one audience, which checks it with our public keys alone',
  access: { kind: 'action', action: 'token.mint', resource: ({ input }) => `audience/${audienceIn(input)}` },
  query,
  response: minted,
  problems: [...problems, 'forbidden'],
});

const mintForGuest = defineRoute({
  method: 'GET',
  path: '/api/v1/token/guest',
  summary: 'A token of 60 seconds for somebody nobody knows, where installation and audience allow it',
  access: { kind: 'public' },
  query,
  response: minted,
  problems: [...problems, 'guest_tokens_off', 'rate_limited'],
});

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/token/audiences',
  summary: 'Audiences that the caller could ask a token for, by name, a page at a time',
  access: { kind: 'authenticated' },
  query: namePage,
  response: z.object({
    audiences: z.array(z.object({ name: z.string(), guests: z.boolean() })),
    nextCursor: z.string().nullable(),
  }),
});

@Controller()
export class MintTokenController {
  readonly #limit = new AttemptLimit(guestTokensPerMinute);

  constructor(
    @Inject(Audiences) private readonly audiences: Audiences,
    @Inject(TokenSubjects) private readonly subjects: TokenSubjects,
    @Inject(SigningKeys) private readonly keys: SigningKeys,
    @Inject(MintOptions) private readonly options: MintOptions,
  ) {}

  @Route(mint)
  async mint(
    @Input() input: InputOf<typeof mint>,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const audience = await this.#active(
      audienceIn(input),
      // What only one tenant believes of a person is told to that tenant's own audiences only.
      ({ access, tenantId }) => tenantId === caller.tenantId || (access === 'anyone' && !caller.tenantFixed),
    );
    const standing = await this.subjects.standingOf(caller);
    if (standing.status !== 'active') throw new ProblemError('forbidden', 'The caller has no place in this tenant');
    return this.#sign({ audience, role: standing.role, holder: caller }, reply);
  }

  @Route(mintForGuest)
  async mintForGuest(@Input() input: InputOf<typeof mintForGuest>, @Res({ passthrough: true }) reply: FastifyReply) {
    if (this.options.guests === 'off') throw new ProblemError('guest_tokens_off');
    const waitMs = this.#limit.take(Date.now());
    if (waitMs > 0) throw new ProblemError('rate_limited', undefined, { retryAfterSeconds: waitMs / 1_000 });
    // One without guests answers as one that does not exist: nobody learns of it here.
    const audience = await this.#active(audienceIn(input), ({ guests }) => guests);
    return this.#sign({ audience, role: guest.role }, reply);
  }

  @Route(list)
  async list(@Input() { query: { limit, cursor } }: InputOf<typeof list>, @Caller() { tenantId }: Principal) {
    const { page, nextCursor } = pageOf(await this.audiences.openTo(tenantId, cursor ?? '', limit + 1), limit);
    return { audiences: page.map(({ name, guests }) => ({ name, guests })), nextCursor };
  }

  async #active(name: string, isFor: (audience: AudienceRow) => boolean): Promise<string> {
    const audience = await this.audiences.byName(name);
    if (!audience || !isFor(audience)) throw new ProblemError('audience_not_found');
    if (audience.status === 'inactive') throw new ProblemError('audience_inactive');
    return audience.name;
  }

  async #sign(claims: Omit<SatelliteClaims, 'issuer' | 'jti'>, reply: FastifyReply) {
    if (!this.keys.loaded) throw new ProblemError('key_not_configured');
    const nowMs = Date.now();
    const target_token = await this.keys.sign(
      claimsOf({ ...claims, issuer: this.options.issuer, jti: uuidv7(nowMs) }),
      { typ: satelliteTokenType, lifetimeSeconds: satelliteTokenSeconds, nowMs },
    );
    void reply.header('cache-control', 'no-store');
    return { target_token, expires_in: satelliteTokenSeconds };
  }
}
