import { formatPosition } from '@gatehouse/contracts';
import { displayPrefix, generateKey, isSetupToken, keyFingerprint, uuidv7 } from '@gatehouse/crypto';
import { handle, PostgresEventStore } from '@gatehouse/event-store';
import { defineRoute, type HttpRequest, Input, type InputOf, ProblemError, Route } from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { keyDecider, keyStream } from '../../key/key.js';
import { keyView, viewOfKey } from '../../key/key-view.js';
import { answering } from '../../problems.js';
import { redemptionCommandId, type SetupOffer } from '../setup.js';
import { findOffer } from '../setup-offers/setup-offers.projection.js';
import { AttemptLimit } from './attempt-limit.js';
import { redeemSetup } from './redeem-setup.js';

const attemptsPerMinute = 10;

const redeem = defineRoute({
  method: 'POST',
  path: '/api/v1/identity/setup',
  summary: "Redeems the one-time set-up link for the owner's first key, which this answer shows and no other ever will",
  access: { kind: 'public' },
  // In the body and never in the address: addresses end up in logs and histories.
  body: z.strictObject({ token: z.string().max(256) }),
  response: keyView.extend({ key: z.string(), tenantId: z.string(), position: z.string() }),
  status: 201,
  bodyLimitBytes: 4_096,
  problems: ['setup_link_invalid', 'rate_limited'],
});

@Controller()
export class RedeemSetupController {
  readonly #limit = new AttemptLimit(attemptsPerMinute);

  constructor(
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
    @Inject(PLATFORM) private readonly platform: Platform,
  ) {}

  @Route(redeem)
  async redeem(@Input() { body }: InputOf<typeof redeem>, @Req() request: HttpRequest) {
    const now = Date.now();
    const waitMs = this.#limit.take(now);
    if (waitMs > 0) throw new ProblemError('rate_limited', undefined, { retryAfterSeconds: waitMs / 1_000 });
    const { pepper, database } = this.platform;
    const offer = isSetupToken(body.token)
      ? await findOffer(database.system, fingerprintOf(pepper, body.token))
      : undefined;
    if (!offer) throw new ProblemError('setup_link_invalid');
    return this.makeFirstKey(offer, request, now);
  }

  private async makeFirstKey(offer: SetupOffer, request: HttpRequest, now: number) {
    const key = generateKey('mau_');
    const fingerprint = fingerprintOf(this.platform.pepper, key);
    const command = { keyId: uuidv7(now), fingerprint, displayPrefix: displayPrefix(key), now };
    const { tenantId, ownerId, offerId } = offer;
    // COMMIT POINT: link used up and key made, in one transaction. If the answer is lost the link stays used;
    // whoever runs the installation offers another one (`offer-setup`).
    const result = await answering(() =>
      handle(this.store, keyDecider, {
        streamId: keyStream(command.keyId),
        context: {
          tenantId,
          actor: { type: 'user', id: ownerId },
          now,
          correlationId: request.trace?.traceId ?? '',
          causationId: offerId,
        },
        commandId: redemptionCommandId(offerId),
        decide: () => redeemSetup(command, offer),
      }),
    );
    const { state, revision, position, duplicate } = result;
    if (duplicate || state.status === 'none' || !position) throw new ProblemError('setup_link_invalid');
    return { tenantId, ...viewOfKey(state, revision), key, position: formatPosition(position) };
  }
}

const fingerprintOf = (pepper: Platform['pepper'], secret: string): string =>
  keyFingerprint(pepper, secret).toString('base64');
