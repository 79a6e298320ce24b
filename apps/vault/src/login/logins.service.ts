import type { CallerDirectory, Principal } from '@gatehouse/authn';
import type { CommandContext } from '@gatehouse/event-store';
import { type HttpRequest, ProblemError } from '@gatehouse/http';
import type { MadeToken } from '../token/token-view.js';
import type { TokenLabels, Tokens } from '../token/tokens.service.js';
import { type LoginGuesses, principalOfRole } from './login-guesses.service.js';
import type { LoginRole } from './login-roles.service.js';
import { isWithin } from './networks.js';
import type { TokenSettings } from './role-settings.js';
import './login-problems.js';

/** Why a login opened nothing: for events and reports, never for the answer. */
export class LoginRefused extends Error {
  constructor(readonly reason: string) {
    super(`login refused: ${reason}`);
    this.name = 'LoginRefused';
  }
}

export interface LoginAttempt {
  /** What names the role, as it was sent. */
  readonly loginId: string;
  readonly role: LoginRole | undefined;
  readonly request: HttpRequest;
  readonly nowMs: number;
  /** Proves that the caller may log in to the role, which may be none. @throws LoginRefused */
  readonly prove: () => Promise<Proven>;
}

export interface Proven {
  readonly labels: TokenLabels;
  /** Further networks that the token works from. */
  readonly networks?: readonly string[];
}

/** What every login has in common: room to try, one answer to all that fails, a token of the role for what does not. */
export class Logins {
  constructor(
    private readonly tokens: Tokens,
    private readonly guesses: LoginGuesses,
    private readonly callers: CallerDirectory,
  ) {}

  /** @throws ProblemError `login_failed`, `login_rate_limited`, `too_many_tokens` */
  async logIn({ loginId, role, request, nowMs, prove }: LoginAttempt): Promise<MadeToken> {
    const guess = { loginId, ip: request.ip };
    await this.guesses.assertRoom(guess, nowMs);
    const context = { now: nowMs, correlationId: request.trace?.traceId ?? '', source: { ip: request.ip } };
    try {
      const proven = await prove();
      if (!role) throw new LoginRefused('unknown_role');
      return await this.#give(role, proven, request, context);
    } catch (error) {
      if (!(error instanceof LoginRefused)) throw error;
      this.guesses.failed(guess, role, error.reason, context);
      throw new ProblemError('login_failed', undefined, { cause: error });
    }
  }

  async #give(
    role: LoginRole,
    { labels, networks = [] }: Proven,
    request: HttpRequest,
    context: Omit<CommandContext, 'tenantId' | 'actor'>,
  ) {
    const settings = role.settings as unknown as TokenSettings;
    if (settings.disabled) throw new LoginRefused('disabled');
    if (!isWithin(settings.token_bound_cidrs, request.ip) || !isWithin(networks, request.ip))
      throw new LoginRefused('network');
    const principal = this.#admitted(principalOfRole(role));
    const { method, name, roleId, tenantId } = role;
    const wish = {
      ttlSeconds: settings.token_ttl,
      explicitMaxTtlSeconds: settings.token_max_ttl,
      numUses: settings.token_num_uses,
      ...(settings.token_policies.length > 0 && { scopes: settings.token_policies }),
    };
    const origin = {
      method,
      role: name,
      roleId,
      networks: networks.length > 0 ? networks : settings.token_bound_cidrs,
    };
    const actor = { type: principal.type, id: principal.id };
    const made = await this.tokens.logIn(principal, origin, wish, labels, { ...context, tenantId, actor });
    // Whoever logged in is the caller from here: what is wrapped for him is his tenant's.
    request.principal = principal;
    return made;
  }

  /** A closed tenant lets nobody in. */
  #admitted(principal: Principal): Principal {
    try {
      return this.callers.admit(principal, {});
    } catch (error) {
      throw new LoginRefused((error as { failure?: string }).failure ?? 'refused');
    }
  }
}
