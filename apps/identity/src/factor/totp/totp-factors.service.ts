import { randomBytes } from 'node:crypto';
import type { SealedField } from '@gatehouse/contracts';
import { keyFingerprint, uuidv7 } from '@gatehouse/crypto';
import { asTenant, type CommandContext } from '@gatehouse/event-store';
import { toString as qrCode } from 'qrcode';
import type { AreaContext } from '../../area.js';
import type { Person } from '../../person/people.service.js';
import { Refusal } from '../../refusal.js';
import type { FactorRefusal } from '../factor-refusal.js';
import { type Enrolled, type Holder, sealedAs, storeFactor } from '../factor-rows.service.js';
import { totpSecret, totpSecretBytes, totpStep, totpUri } from './totp.js';

export interface BegunTotp {
  /** Base32, for an app without a camera. */
  readonly secret: string;
  readonly uri: string;
  readonly svg: string;
  readonly expires_at: string;
}

const enrolmentMs = 900_000;
const maxTries = 10;

/** Codes of authenticator apps: enrolled with a first code, and each step taken once. */
export class TotpFactors {
  readonly #area: AreaContext;

  constructor(area: AreaContext) {
    this.#area = area;
  }

  get #pool() {
    return this.#area.platform.database.request;
  }

  /** A new secret, which waits for its first code. @param boundTo the session or sign-in that alone may confirm it */
  async begin(person: Person, boundTo: string, nowMs: number): Promise<BegunTotp> {
    const { userId, homeTenantId } = person;
    const secret = totpSecret(randomBytes(totpSecretBytes));
    const seal = await this.#area.subjectKeys.sealerFor(homeTenantId, userId);
    const { email } = await this.#area.people.profileOf(person);
    const uri = totpUri(secret, `Gatehouse (${new URL(this.#area.settings.PUBLIC_URL).host})`, email ?? userId);
    const expiresAt = new Date(nowMs + enrolmentMs);
    await asTenant(this.#pool, homeTenantId, (client) =>
      client.query(
        `insert into totp_enrolments (tenant_id, user_id, bound_to, secret, expires_at) values ($1, $2, $3, $4, $5)
         on conflict (user_id) do update set bound_to = $3, secret = $4, tries = 0, expires_at = $5`,
        [homeTenantId, userId, this.#bound(boundTo), JSON.stringify(seal(sealedAs.secret, secret)), expiresAt],
      ),
    );
    const svg = await qrCode(uri, { type: 'svg', errorCorrectionLevel: 'M', margin: 2 });
    return { secret, uri, svg, expires_at: expiresAt.toISOString() };
  }

  /** The first code makes the factor. @throws Refusal `totp_not_begun`, `totp_code_wrong`, `totp_exists`, `already_enrolled` */
  async confirm(
    holder: Holder,
    { boundTo, code, onlyAsFirst }: { readonly boundTo: string; readonly code: string; readonly onlyAsFirst: boolean },
    context: CommandContext,
  ): Promise<Enrolled> {
    const { userId, homeTenantId } = holder;
    const sealed = await this.#takeTry(holder, boundTo, context.now);
    const secret = sealed && (await this.#open(holder, sealed));
    if (!sealed || secret === undefined) throw new Refusal<FactorRefusal>('totp_not_begun');
    const step = totpStep(secret, code, context.now);
    if (step === undefined) throw new Refusal<FactorRefusal>('totp_code_wrong');
    const factor = {
      factorId: uuidv7(context.now),
      kind: 'totp',
      secret: sealed,
      lastStep: step,
      onlyAsFirst,
    } as const;
    // COMMIT POINT: enrolment used up, factor and codes made, in one transaction. If the answer is lost the factor
    // counts; new codes can be made, and the app has the secret already.
    return this.#area.store.together(homeTenantId, async (log, client) => {
      const used = await client.query('delete from totp_enrolments where user_id = $1 and bound_to = $2', [
        userId,
        this.#bound(boundTo),
      ]);
      if (used.rowCount !== 1) throw new Refusal<FactorRefusal>('totp_not_begun');
      return storeFactor(log, client, this.#area.pepper, holder, factor, context);
    });
  }

  /**
   * Uses the step of a right code up. Whoever calls has paid for the attempt.
   *
   * @throws Refusal `second_factor_failed` for a wrong code and for one that was used
   */
  async prove(holder: Holder, code: string, nowMs: number): Promise<void> {
    const { userId, homeTenantId } = holder;
    const { rows } = await asTenant(this.#pool, homeTenantId, (client) =>
      client.query<{ factor_id: string; secret: SealedField }>(
        `select factor_id, secret from factors where user_id = $1 and kind = 'totp'`,
        [userId],
      ),
    );
    const [row] = rows;
    const secret = row && (await this.#open(holder, row.secret));
    const step = secret === undefined ? undefined : totpStep(secret, code, nowMs);
    if (!row || step === undefined) throw new Refusal<FactorRefusal>('second_factor_failed');
    // COMMIT POINT: the step is used. Of two requests with one code the second finds it used.
    const { rowCount } = await asTenant(this.#pool, homeTenantId, (client) =>
      client.query('update factors set last_step = $2, last_used_at = $3 where factor_id = $1 and last_step < $2', [
        row.factor_id,
        step,
        new Date(nowMs),
      ]),
    );
    if (rowCount !== 1) throw new Refusal<FactorRefusal>('second_factor_failed');
  }

  /** Counts the try before the code is looked at, so that parallel ones cannot share one. */
  async #takeTry({ userId, homeTenantId }: Holder, boundTo: string, nowMs: number): Promise<SealedField | undefined> {
    const { rows } = await asTenant(this.#pool, homeTenantId, (client) =>
      client.query<{ secret: SealedField }>(
        `update totp_enrolments set tries = tries + 1
         where user_id = $1 and bound_to = $2 and expires_at > $3 and tries < $4 returning secret`,
        [userId, this.#bound(boundTo), new Date(nowMs), maxTries],
      ),
    );
    return rows[0]?.secret;
  }

  /** A sign-in is named by a token, and tokens are kept as HMAC only. */
  #bound(boundTo: string): string {
    return keyFingerprint(this.#area.pepper, `gatehouse.totp-enrolment.v1\0${boundTo}`).toString('base64url');
  }

  #open({ homeTenantId }: Holder, sealed: SealedField): Promise<string | undefined> {
    return asTenant(this.#pool, homeTenantId, (client) =>
      this.#area.subjectKeys.open(client, homeTenantId, sealedAs.secret, sealed),
    );
  }
}
