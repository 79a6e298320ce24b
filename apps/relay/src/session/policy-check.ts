import { type CallerDirectory, NotAuthenticated } from '@gatehouse/authn';
import { call } from '@gatehouse/bus';
import { type DecideRequest, decide, formatPosition, type Position } from '@gatehouse/contracts';
import type { GrantClaims } from '@gatehouse/session';
import type { NatsConnection } from '@nats-io/transport-node';

export interface PolicyCheckOptions {
  readonly callers: Pick<CallerDirectory, 'stands' | 'admit' | 'loaded'>;
  readonly connection: () => NatsConnection;
}

export type Verdict =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly decision?: string; readonly reason: string };

const askMs = 2_000;

/** Asks again what the registry asked before it signed a grant: is the caller still there, and does policy still allow it all. */
export class PolicyCheck {
  readonly #options: PolicyCheckOptions;
  /** When policy was asked last, and since when it has not answered, if it has not: by a clock that only goes forward. */
  askedAtMs = Number.NEGATIVE_INFINITY;
  failingSinceMs: number | undefined;

  constructor(options: PolicyCheckOptions) {
    this.#options = options;
  }

  /** In memory: whether the key or sign-in and whom it stands for are still let in. */
  stands({ tenantId, subject, credential }: GrantClaims, nowMs: number): boolean {
    const { callers } = this.#options;
    if (!callers.loaded) return true;
    const key = credential === undefined ? undefined : callers.stands(credential, nowMs);
    if (key === false) return false;
    if (subject.type !== 'user' && subject.type !== 'service') return true;
    // What is no key's id is a sign-in's; a key needs no second factor of its own here, the registry asked for it.
    const sessionId = key === undefined ? credential : undefined;
    try {
      const principal = {
        type: subject.type,
        id: subject.id,
        tenantId,
        ...(sessionId !== undefined && { sessionId }),
      } as const;
      callers.admit(principal, { withoutSecondFactor: true });
      return true;
    } catch (error) {
      if (error instanceof NotAuthenticated) return false;
      throw error;
    }
  }

  /**
   * One recorded decision for each action of the grant, none of them older than `position`.
   *
   * @throws RpcError when policy cannot be asked
   */
  async ask(
    { tenantId, subject, actions, scopes, credential, aud, sid }: GrantClaims,
    position?: Position,
  ): Promise<Verdict> {
    this.askedAtMs = performance.now();
    const questions = actions.map((action) => ({
      tenantId,
      subject,
      action,
      resource: { type: 'device', id: aud },
      ...(scopes && { scopes }),
      ...(credential !== undefined && { credential }),
      ...(position && { minPosition: formatPosition(position) }),
      noted: { session: sid },
      // The registry asked before it signed: that counted.
      again: true,
      caller: { type: 'gatehouse', id: 'relay' },
    }));
    const answers = await this.#decide(questions);
    const denied = answers.find(({ decision }) => !decision);
    return denied ? { allowed: false, decision: denied.id, reason: denied.reason } : { allowed: true };
  }

  async #decide(questions: readonly DecideRequest[]) {
    try {
      const nc = this.#options.connection();
      const answers = await Promise.all(questions.map((question) => call(nc, decide, question, askMs)));
      this.failingSinceMs = undefined;
      return answers;
    } catch (error) {
      this.failingSinceMs ??= performance.now();
      throw error;
    }
  }
}
