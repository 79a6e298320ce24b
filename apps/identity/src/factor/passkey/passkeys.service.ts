import { randomBytes } from 'node:crypto';
import type { SealedField } from '@gatehouse/contracts';
import { keyFingerprint, uuidv7 } from '@gatehouse/crypto';
import { asTenant, type CommandContext } from '@gatehouse/event-store';
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
} from '@simplewebauthn/server';
import type { AreaContext } from '../../area.js';
import type { Person } from '../../person/people.service.js';
import { Refusal } from '../../refusal.js';
import type { FactorRefusal } from '../factor-refusal.js';
import { type Enrolled, type Holder, sealedAs, storeFactor } from '../factor-rows.service.js';
import {
  type Binding,
  passkeyChallenge,
  passkeyChallengeEnd,
  passkeyChallengeMs,
  passkeyRandomBytes,
} from './passkey-challenge.js';
import { moveCounter, type PasskeyRow, reportRegression, type Signed, useChallenge } from './passkey-use.service.js';
import {
  type PasskeyRecord,
  passkeyAlgorithms,
  type RelyingParty,
  relyingPartyOf,
  verifyNewPasskey,
  verifyPasskey,
} from './verify-passkey.js';

/** Passkeys (WebAuthn level 2): made, listed for a browser, and checked. */
export class Passkeys {
  readonly #area: AreaContext;
  readonly #party: RelyingParty;

  constructor(area: AreaContext) {
    this.#area = area;
    this.#party = relyingPartyOf(area.settings.PUBLIC_URL);
  }

  /** What a browser needs to make a passkey for this person. */
  async creationOptions(person: Person, to: string, nowMs: number): Promise<PublicKeyCredentialCreationOptionsJSON> {
    const { email, name } = await this.#area.people.profileOf(person);
    return generateRegistrationOptions({
      rpName: 'Gatehouse',
      rpID: this.#party.rpId,
      userID: Uint8Array.from(Buffer.from(person.userId.replaceAll('-', ''), 'hex')),
      userName: email ?? person.userId,
      userDisplayName: name ?? '',
      challenge: this.#challenge({ purpose: 'add', to }, nowMs),
      timeout: passkeyChallengeMs,
      attestationType: 'none',
      excludeCredentials: await this.#credentialsOf(person),
      authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
      supportedAlgorithmIDs: passkeyAlgorithms,
    });
  }

  /** @throws Refusal `passkey_not_accepted`, `passkey_known`, `too_many_passkeys`, `already_enrolled` */
  async add(
    holder: Holder,
    given: {
      readonly response: RegistrationResponseJSON;
      readonly name: string;
      readonly to: string;
      readonly onlyAsFirst: boolean;
    },
    context: CommandContext,
  ): Promise<Enrolled> {
    const { userId, homeTenantId } = holder;
    const judge = this.#judge({ purpose: 'add', to: given.to }, context.now);
    const passkey = await verifyNewPasskey(given.response, this.#party, judge.isOurs);
    const { seen } = judge;
    if (!passkey || !seen) throw new Refusal<FactorRefusal>('passkey_not_accepted');
    const { counter, ...record } = passkey;
    const seal = await this.#area.subjectKeys.sealerFor(homeTenantId, userId);
    const factor = {
      factorId: uuidv7(context.now),
      kind: 'passkey',
      secret: seal(sealedAs.secret, JSON.stringify(record satisfies PasskeyRecord)),
      name: seal(sealedAs.name, given.name),
      lookup: this.#lookup(record.id),
      counter,
      onlyAsFirst: given.onlyAsFirst,
    } as const;
    // COMMIT POINT: challenge used up, passkey and codes made. If the answer is lost the passkey counts.
    return this.#area.store.together(homeTenantId, async (log, client) => {
      if (!(await useChallenge(client, homeTenantId, seen))) throw new Refusal<FactorRefusal>('passkey_not_accepted');
      return storeFactor(log, client, this.#area.pepper, holder, factor, context);
    });
  }

  /** What a browser needs to sign. Without a person it asks for whichever passkey of this host its user chooses. */
  async requestOptions(
    binding: Binding,
    person: Holder | undefined,
    nowMs: number,
  ): Promise<PublicKeyCredentialRequestOptionsJSON> {
    return generateAuthenticationOptions({
      rpID: this.#party.rpId,
      challenge: this.#challenge(binding, nowMs),
      timeout: passkeyChallengeMs,
      userVerification: person ? 'preferred' : 'required',
      ...(person && { allowCredentials: await this.#credentialsOf(person) }),
    });
  }

  /**
   * Whose passkey signed, once everything is right and the challenge was not used before; it is used then.
   *
   * @param expected the one person it may be; without one, whoever it is, and the authenticator must have asked him
   * @throws Refusal `second_factor_failed` for every reason alike
   */
  async check(
    response: AuthenticationResponseJSON,
    { binding, expected }: { readonly binding: Binding; readonly expected?: Holder },
    contextOf: (holder: Holder) => CommandContext,
    nowMs: number,
  ): Promise<Holder> {
    const signed = await this.#signed(response, binding, expected, nowMs);
    if (!signed) throw new Refusal<FactorRefusal>('second_factor_failed');
    const { row, challenge, endsMs } = signed;
    const holder = { userId: row.user_id, homeTenantId: row.tenant_id };
    const context = contextOf(holder);
    // COMMIT POINT: challenge used up and counter moved on, or the regression recorded.
    const accepted = await this.#area.store.together(holder.homeTenantId, async (log, client) => {
      if (!(await useChallenge(client, holder.homeTenantId, { challenge, endsMs }))) return false;
      return (await moveCounter(client, signed, nowMs)) || reportRegression(log, row, context);
    });
    void this.#forgetChallenges(nowMs);
    if (!accepted) throw new Refusal<FactorRefusal>('second_factor_failed');
    return holder;
  }

  async #signed(
    response: AuthenticationResponseJSON,
    binding: Binding,
    expected: Holder | undefined,
    nowMs: number,
  ): Promise<Signed | undefined> {
    const { rows } = await this.#area.platform.database.system.query<PasskeyRow>(
      'select tenant_id, user_id, factor_id, secret from factors where lookup = $1',
      [this.#lookup(response.id)],
    );
    const [row] = rows;
    if (!row || (expected && row.user_id !== expected.userId)) return undefined;
    const record = await this.#open(row.tenant_id, row.secret);
    if (!record || !isHandleOf(row.user_id, response.response.userHandle)) return undefined;
    const judge = this.#judge(binding, nowMs);
    const alone = expected === undefined;
    const counter = await verifyPasskey(response, this.#party, record, { isOurs: judge.isOurs, alone });
    return counter !== undefined && judge.seen ? { row, counter, ...judge.seen } : undefined;
  }

  #challenge(binding: Binding, nowMs: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(passkeyChallenge(this.#area.pepper, binding, randomBytes(passkeyRandomBytes), nowMs));
  }

  #judge(binding: Binding, nowMs: number) {
    const judge: { isOurs: (challenge: string) => boolean; seen?: { challenge: string; endsMs: number } } = {
      isOurs: (challenge) => {
        const endsMs = passkeyChallengeEnd(this.#area.pepper, binding, challenge, nowMs);
        if (endsMs !== undefined) judge.seen = { challenge, endsMs };
        return endsMs !== undefined;
      },
    };
    return judge;
  }

  async #credentialsOf({ userId, homeTenantId }: Holder): Promise<{ id: string; transports: string[] }[]> {
    const { rows } = await asTenant(this.#area.platform.database.request, homeTenantId, (client) =>
      client.query<{ secret: SealedField }>(
        `select secret from factors where user_id = $1 and kind = 'passkey' order by factor_id`,
        [userId],
      ),
    );
    const records = await Promise.all(rows.map(({ secret }) => this.#open(homeTenantId, secret)));
    return records.flatMap((record) => (record ? [{ id: record.id, transports: [...record.transports] }] : []));
  }

  async #open(tenantId: string, sealed: SealedField): Promise<PasskeyRecord | undefined> {
    const { subjectKeys, platform } = this.#area;
    const text = await subjectKeys.open(platform.database.system, tenantId, sealedAs.secret, sealed);
    return text === undefined ? undefined : (JSON.parse(text) as PasskeyRecord);
  }

  #lookup = (credentialId: string): string =>
    keyFingerprint(this.#area.pepper, `gatehouse.passkey.v1\0${credentialId}`).toString('base64url');

  /** Used challenges that have ended cannot come back: a few are forgotten with each one that is added. */
  #forgetChallenges(nowMs: number): Promise<unknown> {
    return this.#area.platform.database.system
      .query(
        `delete from used_passkey_challenges where fingerprint in
           (select fingerprint from used_passkey_challenges where expires_at < $1 limit 20)`,
        [new Date(nowMs)],
      )
      .catch(this.#area.platform.warn('used passkey challenges could not be forgotten'));
  }
}

/** Where the authenticator names its user, it must be the one whose key it is (WebAuthn, 7.2 step 6). */
const isHandleOf = (userId: string, handle: string | undefined): boolean =>
  !handle || Buffer.from(handle, 'base64url').toString('hex') === userId.replaceAll('-', '');
