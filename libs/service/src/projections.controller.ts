import { formatPosition } from '@gatehouse/contracts';
import { Caller, defineRoute, Input, type InputOf, type Principal, ProblemError, Route } from '@gatehouse/http';
import { listParked } from '@gatehouse/projection';
import { Controller, Inject, type Type } from '@nestjs/common';
import { z } from 'zod';
import type { Platform } from './platform.js';
import { PLATFORM } from './tokens.js';

const params = z.object({ name: z.string().max(64) });

/** Read models of one service: how far they are, what they could not apply, and how to make them anew. */
export function projectionsController(service: string): Type {
  const base = `/api/v1/${service}/projections`;
  const list = defineRoute({
    method: 'GET',
    path: base,
    summary: 'Lists read models, their positions and their parked events',
    access: { kind: 'action', action: 'projection.read', resource: `service/${service}` },
  });
  const rebuild = defineRoute({
    method: 'POST',
    path: `${base}/:name/rebuild`,
    summary: 'Asks for a rebuild of one read model from the log',
    access: { kind: 'action', action: 'projection.rebuild', resource: `service/${service}` },
    params,
    status: 202,
  });

  @Controller()
  class ProjectionsController {
    constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

    @Route(list)
    async list(@Caller() caller: Principal) {
      this.refuseOthers(caller);
      const { rows } = await this.platform.database.system.query<Row>(
        `select name, version, tx::text, seq::text, rebuild_requested, rebuild from projection_positions order by name`,
      );
      return { projections: rows.map(describe), parked: await listParked(this.platform.database.system) };
    }

    @Route(rebuild)
    async rebuild(@Input() input: InputOf<typeof rebuild>, @Caller() caller: Principal) {
      this.refuseOthers(caller);
      const { rowCount } = await this.platform.database.system.query(
        'update projection_positions set rebuild_requested = true where name = $1',
        [input.params.name],
      );
      if (rowCount !== 1) throw new ProblemError('not_found', 'There is no such read model');
      return { name: input.params.name, rebuild: 'requested' };
    }

    /** Read models hold all tenants: only the operator's own tenant may look at their state or have them rebuilt. */
    private refuseOthers({ tenantId }: Principal): void {
      if (tenantId !== this.platform.settings.OPERATOR_TENANT) throw new ProblemError('not_found');
    }
  }
  return ProjectionsController;
}

interface Row {
  readonly name: string;
  readonly version: number;
  readonly tx: string;
  readonly seq: string;
  readonly rebuild_requested: boolean;
  readonly rebuild: unknown;
}

const describe = (row: Row) => ({
  name: row.name,
  version: row.version,
  position: formatPosition({ tx: BigInt(row.tx), seq: BigInt(row.seq) }),
  rebuildRequested: row.rebuild_requested,
  lastRebuild: row.rebuild,
});
