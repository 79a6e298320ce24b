import type { HttpRequest } from '@gatehouse/http';
import type { AuthenticationResponseJSON } from '@simplewebauthn/server';
import type { AreaContext } from '../../area.js';
import { Refusal } from '../../refusal.js';
import { type FactorAccess, ownContext, type SignedIn } from '../factor-access.service.js';
import type { FactorRefusal } from '../factor-refusal.js';
import type { Holder } from '../factor-rows.service.js';
import type { FreshProofs } from '../fresh-proofs.service.js';
import type { Binding } from '../passkey/passkey-challenge.js';
import type { Passkeys } from '../passkey/passkeys.service.js';
import type { TotpFactors } from '../totp/totp-factors.service.js';

export interface ProofsOptions {
  readonly area: AreaContext;
  readonly access: FactorAccess;
  readonly fresh: FreshProofs;
  readonly totp: TotpFactors;
  readonly passkeys: Passkeys;
}

export type Proof =
  | { readonly password: string }
  | { readonly code: string }
  | { readonly response: AuthenticationResponseJSON };

const bindingOf = ({ sessionId }: SignedIn): Binding => ({ purpose: 'proof', to: `session:${sessionId}` });

/** A person who is signed in proves once more who he is, by what a thief of the session does not have. */
export class Proofs {
  readonly #options: ProofsOptions;

  constructor(options: ProofsOptions) {
    this.#options = options;
  }

  passkeyOptions(signedIn: SignedIn, now: number) {
    return this.#options.passkeys.requestOptions(bindingOf(signedIn), signedIn.person, now);
  }

  /**
   * Counts as fresh from now on. Where there is a second factor a password is not enough: it may be what was stolen.
   *
   * @throws Refusal `second_factor_failed`; ProblemError `rate_limited`
   */
  async take(proof: Proof, signedIn: SignedIn, request: HttpRequest, now: number): Promise<void> {
    const { person, sessionId } = signedIn;
    const { access, fresh, passkeys } = this.#options;
    if ('response' in proof) {
      const how = { binding: bindingOf(signedIn), expected: person };
      await passkeys.check(proof.response, how, (holder) => ownContext(request, holder, now), now);
    } else await access.asAttempt(person, now, () => this.#checkGuessable(proof, person, now));
    if (!(await fresh.record(person, sessionId, now))) throw new Refusal<FactorRefusal>('second_factor_failed');
  }

  async #checkGuessable(proof: Exclude<Proof, { response: unknown }>, person: Holder, now: number): Promise<void> {
    const { area, access, totp } = this.#options;
    if ('code' in proof) return totp.prove(person, proof.code, now);
    const enough = (await access.enrolled(person.userId)).length === 0;
    if (!enough || !(await area.account.passwords.check(person, proof.password)))
      throw new Refusal<FactorRefusal>('second_factor_failed');
  }
}
