import { handle, PostgresEventStore } from '@gatehouse/event-store';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { answering } from '../../problems.js';
import { SubjectKeys } from '../../user/subject-keys.service.js';
import { factorsDecider, factorsStream } from '../factor.js';
import { FactorAccess, ownContext } from '../factor-access.service.js';
import { sealedAs } from '../factor-rows.service.js';
import { passkeyName } from '../factor-shapes.js';
import { removeFactor, renameFactor } from './change-factors.js';

const params = z.object({ factorId: z.uuid() });

const rename = defineRoute({
  method: 'PATCH',
  path: '/api/v1/auth/factors/:factorId',
  summary: 'Gives a second factor another name',
  access: { kind: 'authenticated' },
  params,
  body: z.strictObject({ name: passkeyName }),
  response: z.object({ factor_id: z.uuid(), name: z.string() }),
  bodyLimitBytes: 1_024,
  problems: ['factor_not_found'],
});

const remove = defineRoute({
  method: 'DELETE',
  path: '/api/v1/auth/factors/:factorId',
  summary: 'Removes a second factor; the recovery codes go with the last one',
  access: { kind: 'authenticated' },
  params,
  response: z.object({ factors_left: z.int() }),
  problems: ['fresh_proof_required', 'factor_not_found', 'last_factor'],
});

@Controller()
export class ChangeFactorController {
  constructor(
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
    @Inject(SubjectKeys) private readonly subjectKeys: SubjectKeys,
    @Inject(FactorAccess) private readonly access: FactorAccess,
  ) {}

  /** Takes nothing away and adds nothing, so an older session will do. */
  @Route(rename)
  rename(@Input() input: InputOf<typeof rename>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { factorId } = input.params;
    return answering(async () => {
      const { person } = await this.access.signedIn(caller);
      const { userId, homeTenantId } = person;
      const name = (await this.subjectKeys.sealerFor(homeTenantId, userId))(sealedAs.name, input.body.name);
      const context = ownContext(request, person, Date.now());
      const decide = (state: Parameters<typeof renameFactor>[1]) => renameFactor({ userId, factorId, name }, state);
      // COMMIT POINT: event and row.
      await this.store.together(homeTenantId, async (log, client) => {
        await handle(log, factorsDecider, { streamId: factorsStream(userId), context, decide });
        await client.query('update factors set name = $2 where factor_id = $1', [factorId, JSON.stringify(name)]);
      });
      return { factor_id: factorId, name: input.body.name };
    });
  }

  @Route(remove)
  remove(@Input() input: InputOf<typeof remove>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { factorId } = input.params;
    return answering(async () => {
      const now = Date.now();
      const { person } = await this.access.mayChange(caller, now);
      const { userId, homeTenantId } = person;
      // A tenant may begin to demand one between this and the commit: then the person is led to add one at the next sign-in.
      const command = { userId, factorId, demanded: await this.access.isDemanded(person) };
      const context = ownContext(request, person, now);
      const decide = (state: Parameters<typeof removeFactor>[1]) => removeFactor(command, state);
      // COMMIT POINT: the factor is gone from log and table, and codes with the last one.
      return this.store.together(homeTenantId, async (log, client) => {
        const { state } = await handle(log, factorsDecider, { streamId: factorsStream(userId), context, decide });
        await client.query('delete from factors where factor_id = $1', [factorId]);
        if (state.kinds.size === 0) await client.query('delete from recovery_codes where user_id = $1', [userId]);
        return { factors_left: state.kinds.size };
      });
    });
  }
}
