import type { Principal as Caller } from '@gatehouse/authn';
import { AUTHORIZE, type Authorize, defineProblems, ProblemError } from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { type Asker, contextOf } from '../asker.js';
import { tokenOf } from '../dialect/credentials.js';
import { type DialectRoute, type DialectRoutes, dialectRoute, writeMethods } from '../dialect/dialect-route.js';
import { durationUpTo } from '../login/duration-field.js';
import { countUpTo, flag, jsonOf, onlyFalse, onlyZero } from '../login/fields.js';
import { policyList } from '../login/role-settings.js';
import { ask } from './ask.js';
import { endOfJwt } from './end-of-jwt.js';
import { TokenDirectory } from './token-directory.service.js';
import { tokenLimits } from './token-terms.js';
import { authView, credentialView, lookupView } from './token-view.js';
import { Tokens } from './tokens.service.js';

defineProblems({
  not_a_vault_token: { status: 400, title: 'This credential is renewed and revoked where it was made' },
});

type Chain = Awaited<ReturnType<Tokens['byText']>>;

const text = z.string().max(128);
const increment = z.strictObject({ increment: durationUpTo(tokenLimits.maxTtl).optional() });
const named = z.strictObject({ token: text });
const withAccessor = z.strictObject({ accessor: z.uuid('must be an accessor') });
const label = z.string().max(512);

const creation = z.strictObject({
  /** Action patterns; see `policyList`. */
  policies: policyList.optional(),
  meta: jsonOf(
    z
      .record(z.string().max(128), label)
      .refine((meta) => Object.keys(meta).length <= 64, 'has at most 64 members')
      .nullish(),
  ),
  ttl: durationUpTo(tokenLimits.maxTtl).optional(),
  lease: durationUpTo(tokenLimits.maxTtl).optional(),
  explicit_max_ttl: durationUpTo(tokenLimits.maxTtl).optional(),
  display_name: z.string().max(128).optional(),
  num_uses: countUpTo(tokenLimits.numUses).optional(),
  renewable: flag.optional(),
  type: z.enum(['', 'service'], { error: 'must be service: batch tokens could not be revoked' }).optional(),
  no_default_policy: flag.optional(),
  period: onlyZero,
  no_parent: onlyFalse,
});

/** `auth/token/...`: what holders do with tokens of the vault, and a look at whatever else they came with. */
@Injectable()
export class TokenRoutes implements DialectRoutes {
  readonly routes: readonly DialectRoute[];

  constructor(
    @Inject(Tokens) private readonly tokens: Tokens,
    @Inject(TokenDirectory) private readonly directory: TokenDirectory,
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
  ) {
    this.routes = [...this.#self(), ...this.#byName('token', named), ...this.#byName('accessor', withAccessor)];
  }

  #self(): readonly DialectRoute[] {
    const path = '/v1/auth/token';
    return [
      dialectRoute(
        { methods: ['GET'], path: `${path}/lookup-self`, summary: 'The credential of the caller' },
        async (_input, asker) => ({ data: await this.#lookupSelf(asker) }),
      ),
      dialectRoute(
        {
          methods: writeMethods,
          path: `${path}/create`,
          summary: 'A token within what the caller has',
          body: creation.nullish(),
          problems: ['token_scopes_too_wide', 'too_many_tokens'],
        },
        async ({ body }, asker) => ({ auth: await this.#create(body ?? {}, asker) }),
      ),
      dialectRoute(
        {
          methods: writeMethods,
          path: `${path}/renew-self`,
          summary: "Renews the caller's token",
          body: increment.nullish(),
          problems: ['token_not_renewable'],
        },
        async ({ body }, asker) => this.#renew(await this.#own(asker), body?.increment, asker, credentialOf(asker)),
      ),
      dialectRoute(
        { methods: writeMethods, path: `${path}/revoke-self`, summary: "Ends the caller's token" },
        async (_input, asker) => this.#revoke(await this.#own(asker), asker),
      ),
    ];
  }

  /** Another token, by its text or by its accessor: one decision each. */
  #byName(by: 'token' | 'accessor', name: typeof named | typeof withAccessor): readonly DialectRoute[] {
    const suffix = by === 'token' ? '' : '-accessor';
    const path = (verb: string) => `/v1/auth/token/${verb}${suffix}`;
    const problems = ['token_unknown'];
    const find = async (body: { token?: string; accessor?: string }, asker: Asker, action: string): Promise<Chain> => {
      const { tenantId } = asker.caller;
      const accessor = body.accessor ?? (await this.#accessorOf(tenantId, body.token ?? ''));
      await ask(this.authorize, asker, action, `token/${accessor ?? 'unknown'}`);
      if (accessor === undefined) throw new ProblemError('token_unknown');
      return this.tokens.byAccessor(tenantId, accessor);
    };
    return [
      dialectRoute(
        { methods: writeMethods, path: path('lookup'), summary: `A token, by its ${by}`, body: name, problems },
        async ({ body }, asker) => {
          const shown = 'token' in body ? body.token : '';
          return { data: lookupView(await find(body, asker, 'token.read'), shown, Date.now()) };
        },
      ),
      dialectRoute(
        {
          methods: writeMethods,
          path: path('renew'),
          summary: `Renews a token, by its ${by}`,
          body: z.strictObject({ ...name.shape, ...increment.shape }) as z.ZodType<{
            token?: string;
            accessor?: string;
            increment?: number;
          }>,
          problems,
        },
        async ({ body }, asker) =>
          this.#renew(await find(body, asker, 'token.renew'), body.increment, asker, body.token ?? ''),
      ),
      dialectRoute(
        { methods: writeMethods, path: path('revoke'), summary: `Ends a token, by its ${by}`, body: name, problems },
        async ({ body }, asker) => this.#revoke(await find(body, asker, 'token.revoke'), asker),
      ),
    ];
  }

  async #accessorOf(tenantId: string, token: string): Promise<string | undefined> {
    const [found] = (await this.directory.find(token)) ?? [];
    return found?.tenantId === tenantId ? found.tokenId : undefined;
  }

  async #lookupSelf(asker: Asker): Promise<object> {
    const [now, credential] = [Date.now(), credentialOf(asker)];
    if (this.directory.isToken(credential)) return lookupView(await this.#own(asker), credential, now);
    const caller = asker.caller as Caller;
    const { callers } = this.platform;
    const endsAtMs =
      caller.keyId === undefined ? endOfJwt(credential) : callers.endOf(callers.fingerprintOf(credential));
    return credentialView(caller, endsAtMs, now);
  }

  async #create(body: z.output<typeof creation>, asker: Asker): Promise<object> {
    await ask(this.authorize, asker, 'token.create', 'tenant/tokens');
    const now = Date.now();
    const { ttl, lease, explicit_max_ttl: explicitMaxTtlSeconds, num_uses: numUses, renewable, policies } = body;
    const wish = {
      ...{ ttlSeconds: ttl ?? lease, explicitMaxTtlSeconds, numUses, renewable },
      ...(policies && policies.length > 0 && { scopes: policies }),
    };
    const labels = { displayName: body.display_name ? `token-${body.display_name}` : 'token', meta: body.meta ?? {} };
    const caller = asker.caller as Caller;
    const context = contextOf(asker, now);
    const made = await this.tokens.create(caller, credentialOf(asker), wish, labels, context);
    return authView(made.chain, made.token, now);
  }

  /** @throws ProblemError `not_a_vault_token` for a key, or a token of a sign-in */
  async #own(asker: Asker): Promise<Chain> {
    const credential = credentialOf(asker);
    if (!this.directory.isToken(credential)) throw new ProblemError('not_a_vault_token');
    return this.tokens.byText(asker.caller.tenantId, credential);
  }

  async #renew(chain: Chain, seconds: number | undefined, asker: Asker, shown: string) {
    const context = contextOf(asker);
    const renewed = await this.tokens.renew(chain, seconds, context);
    return { auth: authView(renewed, shown, context.now) };
  }

  async #revoke([token]: Chain, asker: Asker): Promise<undefined> {
    await this.tokens.revoke(token, contextOf(asker));
    return undefined;
  }
}

const credentialOf = ({ request }: Asker): string => tokenOf(request) ?? '';
