/** Second factors a person can prove a sign-in with; `recovery` is a code from paper. */
export type SecondFactor = 'totp' | 'passkey' | 'recovery';

/** Told by the area that keeps second factors. */
export interface SecondFactors {
  enrolled(userId: string): Promise<readonly SecondFactor[]>;
}

/** Where that area registers. Without it nobody has a second factor. */
export class SecondFactorRegistry implements SecondFactors {
  #factors: SecondFactors | undefined;

  use(factors: SecondFactors): void {
    this.#factors = factors;
  }

  enrolled(userId: string): Promise<readonly SecondFactor[]> {
    return this.#factors?.enrolled(userId) ?? Promise.resolve([]);
  }
}
