import type { FactorKind, SealedField } from '@gatehouse/contracts';
import { asTenant } from '@gatehouse/event-store';
import { Caller, defineRoute, type Principal, Route } from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { SubjectKeys } from '../../user/subject-keys.service.js';
import { FactorAccess } from '../factor-access.service.js';
import { type Holder, sealedAs } from '../factor-rows.service.js';

const factor = z.object({
  factor_id: z.uuid(),
  kind: z.enum(['totp', 'passkey']),
  name: z.string().optional(),
  created_at: z.iso.datetime(),
  last_used_at: z.iso.datetime().optional(),
});

/** At most twenty-one, so there are no pages. */
const list = defineRoute({
  method: 'GET',
  path: '/api/v1/auth/factors',
  summary: "Lists the caller's own second factors, and whether they can be changed without another proof",
  access: { kind: 'authenticated', withoutSecondFactor: true },
  response: z.object({
    factors: z.array(factor),
    recovery_codes_left: z.int(),
    /** Whether this session may change factors now; otherwise a proof comes first. */
    fresh: z.boolean(),
    /** Some tenant of the person demands a second factor, so the last one cannot be removed. */
    demanded: z.boolean(),
  }),
});

export interface FactorRow {
  readonly factor_id: string;
  readonly kind: FactorKind;
  readonly name: SealedField | null;
  readonly created_at: Date;
  readonly last_used_at: Date | null;
}

export const factorsSql = `select factor_id, kind, name, created_at, last_used_at from factors where user_id = $1
  order by created_at, factor_id`;

@Controller()
export class FactorListController {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(SubjectKeys) private readonly subjectKeys: SubjectKeys,
    @Inject(FactorAccess) private readonly access: FactorAccess,
  ) {}

  @Route(list)
  async list(@Caller() caller: Principal) {
    const signedIn = await this.access.signedIn(caller);
    const { person } = signedIn;
    const [held, fresh, demanded] = await Promise.all([
      this.read(person),
      this.access.isFresh(signedIn, Date.now()),
      this.access.isDemanded(person),
    ]);
    return { ...held, fresh, demanded };
  }

  private read({ userId, homeTenantId }: Holder) {
    return asTenant(this.platform.database.request, homeTenantId, async (client) => {
      const { rows } = await client.query<FactorRow>(factorsSql, [userId]);
      const left = await client.query<{ n: number }>(
        'select count(*)::int as n from recovery_codes where user_id = $1',
        [userId],
      );
      const factors: z.output<typeof factor>[] = [];
      // One connection, so one after the other.
      for (const row of rows)
        factors.push(
          viewOf(row, row.name && (await this.subjectKeys.open(client, homeTenantId, sealedAs.name, row.name))),
        );
      return { factors, recovery_codes_left: left.rows[0]?.n ?? 0 };
    });
  }
}

const viewOf = (row: FactorRow, name: string | null | undefined): z.output<typeof factor> => ({
  factor_id: row.factor_id,
  kind: row.kind,
  ...(name && { name }),
  created_at: row.created_at.toISOString(),
  ...(row.last_used_at && { last_used_at: row.last_used_at.toISOString() }),
});
