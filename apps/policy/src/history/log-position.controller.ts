import { comparePositions, formatPosition, type Position, parsePosition } from '@gatehouse/contracts';
import { pause } from '@gatehouse/event-store';
import { Caller, defineRoute, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';

const position = defineRoute({
  method: 'GET',
  path: '/api/v1/policy/position',
  summary: 'Waits until policy has taken over what identity wrote, and says up to where a decision must read to see it',
  access: { kind: 'action', action: 'decision.evaluate', resource: 'service/policy' },
  query: z.object({
    identity: z
      .string()
      .regex(/^\d{1,20}\.\d{1,19}$/)
      .optional()
      .describe("The position that identity's answer to a write gave"),
    wait_ms: z.coerce.number().int().min(0).max(5_000).default(2_000),
  }),
  response: z.object({ position: z.string(), identity: z.string(), reached: z.boolean() }),
});

const lookMs = 20;

interface Taken {
  readonly identity: Position;
  readonly position: Position;
}

@Controller()
export class LogPositionController {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  @Route(position)
  async position(@Input() { query }: InputOf<typeof position>, @Caller() { tenantId }: Principal) {
    const wanted = query.identity === undefined ? undefined : parsePosition(query.identity);
    const deadline = performance.now() + query.wait_ms;
    for (;;) {
      const taken = await this.read(tenantId);
      const reached = wanted === undefined || comparePositions(taken.identity, wanted) >= 0;
      if (reached || performance.now() >= deadline)
        return { position: formatPosition(taken.position), identity: formatPosition(taken.identity), reached };
      await pause(lookMs);
    }
  }

  /** One statement, so that what identity's events brought is there whenever their position is. */
  private async read(tenantId: string): Promise<Taken> {
    const { rows } = await this.platform.database.system.query<Record<'itx' | 'iseq' | 'tx' | 'seq', string>>({
      name: 'taken-over',
      text: `select coalesce(i.tx::text, '0') as itx, coalesce(i.seq, 0)::text as iseq,
               coalesce(e.tx::text, '0') as tx, coalesce(e.seq, 0)::text as seq
             from (select) once
             left join inbox_positions i on i.consumer = 'policy_facts' and i.source = 'identity'
             left join lateral (select tx, seq from events where tenant_id = $1
                     and type <> 'decision.recorded' and type <> 'decisions.recorded'
                     order by tx desc, seq desc limit 1) e on true`,
      values: [tenantId],
    });
    const row = rows[0];
    return {
      identity: { tx: BigInt(row?.itx ?? 0), seq: BigInt(row?.iseq ?? 0) },
      position: { tx: BigInt(row?.tx ?? 0), seq: BigInt(row?.seq ?? 0) },
    };
  }
}
