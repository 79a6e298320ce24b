import { type CommandContext, handle } from '@gatehouse/event-store';
import type { AreaContext } from '../../area.js';
import { Refusal } from '../../refusal.js';
import { makeRecoveryCodes, useRecoveryCode } from '../change-factors/change-factors.js';
import { factorsDecider, factorsStream } from '../factor.js';
import type { FactorRefusal } from '../factor-refusal.js';
import { type Holder, replaceCodes } from '../factor-rows.service.js';
import { recoveryCodeCount, recoveryFingerprint } from './recovery-code.js';

/** Ten codes on paper, for whoever lost the app and the keys. Each works once. */
export class RecoveryCodes {
  readonly #area: AreaContext;

  constructor(area: AreaContext) {
    this.#area = area;
  }

  /** New codes in the place of all earlier ones. @throws Refusal `no_factor` */
  make(holder: Holder, context: CommandContext): Promise<readonly string[]> {
    const { userId, homeTenantId } = holder;
    // COMMIT POINT: the earlier codes stop and the new ones work, or neither. If the answer is lost, make them again.
    return this.#area.store.together(homeTenantId, async (log, client) => {
      await handle(log, factorsDecider, {
        streamId: factorsStream(userId),
        context,
        decide: (state) => makeRecoveryCodes({ userId, count: recoveryCodeCount }, state),
      });
      return replaceCodes(client, this.#area.pepper, holder);
    });
  }

  /** Uses a code up. Whoever calls has paid for the attempt. @throws Refusal `second_factor_failed` */
  async use(holder: Holder, code: string, context: CommandContext): Promise<void> {
    const { userId, homeTenantId } = holder;
    const fingerprint = recoveryFingerprint(this.#area.pepper, userId, code);
    // COMMIT POINT: the code is gone and the event tells of it. Of two requests with one code the second finds no row.
    await this.#area.store.together(homeTenantId, async (log, client) => {
      const { rowCount } = await client.query('delete from recovery_codes where user_id = $1 and fingerprint = $2', [
        userId,
        fingerprint,
      ]);
      if (rowCount !== 1) throw new Refusal<FactorRefusal>('second_factor_failed');
      await handle(log, factorsDecider, {
        streamId: factorsStream(userId),
        context,
        decide: (state) => useRecoveryCode(userId, state),
      });
    });
  }
}
