import { AUTHORIZE, type Authorize, ProblemError } from '@gatehouse/http';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { seconds } from '../database/database-input.js';
import { type DialectRoute, type DialectRoutes, dialectRoute, writeMethods } from '../dialect/dialect-route.js';
import { Leases, type LeaseView } from './leases.service.js';

const leaseId = z.string().min(1).max(256);
const body = z.object({ lease_id: leaseId.optional(), increment: seconds(0, 366 * 86_400).optional() }).optional();
const params = z.object({ '*': leaseId });

/** `database/creds/<role>/<id>`: the id alone says which. */
const idOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

const remainingSeconds = ({ validUntil }: LeaseView): number =>
  Math.max(0, Math.floor((Date.parse(validUntil) - Date.now()) / 1_000));

/** Leases as Vault's clients know them, at `sys/leases/`. */
@Injectable()
export class LeaseRoutes implements DialectRoutes {
  constructor(
    @Inject(Leases) private readonly leases: Leases,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
  ) {}

  get routes(): readonly DialectRoute[] {
    // Clients of earlier versions leave `leases/` out, and name the lease in the address or in the body.
    return [
      ...['/v1/sys/leases/renew', '/v1/sys/renew'].flatMap((path) => this.#renew(path)),
      ...['/v1/sys/leases/revoke', '/v1/sys/revoke'].flatMap((path) => this.#revoke(path)),
      this.#lookup(),
      this.#revokePrefix(),
    ];
  }

  #renew(path: string): DialectRoute[] {
    const renew = async (asker: Parameters<Leases['renew']>[1], id: string, increment: number | undefined) => {
      const lease = await this.leases.renew(this.authorize, asker, idOf(id), increment);
      const renewable = lease.validUntil < lease.maxUntil;
      return { lease: { id: lease.path, durationSeconds: remainingSeconds(lease), renewable } };
    };
    const summary = 'Prolongs a lease';
    return [
      dialectRoute({ methods: writeMethods, path, summary, body }, async (input, asker) =>
        renew(asker, named(input.body?.lease_id), input.body?.increment),
      ),
      dialectRoute({ methods: writeMethods, path: `${path}/*`, summary, params, body }, async (input, asker) =>
        renew(asker, input.params['*'], input.body?.increment),
      ),
    ];
  }

  #revoke(path: string): DialectRoute[] {
    const summary = 'Ends a lease';
    const withSync = z.object({ lease_id: leaseId.optional(), sync: z.boolean().optional() }).optional();
    return [
      dialectRoute({ methods: writeMethods, path, summary, body: withSync }, async (input, asker) => {
        await this.leases.revoke(this.authorize, asker, idOf(named(input.body?.lease_id)));
        return undefined;
      }),
      dialectRoute(
        { methods: writeMethods, path: `${path}/*`, summary, params, body: withSync },
        async (input, asker) => {
          await this.leases.revoke(this.authorize, asker, idOf(input.params['*']));
          return undefined;
        },
      ),
    ];
  }

  #lookup(): DialectRoute {
    const path = '/v1/sys/leases/lookup';
    return dialectRoute({ methods: writeMethods, path, summary: 'Shows a lease', body }, async (input, asker) => {
      const lease = await this.leases.show(this.authorize, asker, idOf(named(input.body?.lease_id)));
      const { path: id, requestedAt: issue_time, validUntil: expire_time } = lease;
      const renewable = lease.status === 'active' && lease.validUntil < lease.maxUntil;
      return { data: { id, issue_time, expire_time, last_renewal: null, renewable, ttl: remainingSeconds(lease) } };
    });
  }

  /** `database/creds/<role>`, or `database/creds` for all. */
  #revokePrefix(): DialectRoute {
    const path = '/v1/sys/leases/revoke-prefix/*';
    const summary = 'Begins to end all leases of a role';
    return dialectRoute({ methods: writeMethods, path, summary, params }, async (input, asker) => {
      const role = /^database\/creds(?:\/([A-Za-z0-9_-]{1,64}))?\/?$/.exec(input.params['*']);
      if (!role)
        throw new ProblemError('validation_failed', 'only database/creds and database/creds/<role> have leases');
      for (let more = true; more; ) ({ more } = await this.leases.revokeMany(this.authorize, asker, { role: role[1] }));
      return undefined;
    });
  }
}

function named(leaseId: string | undefined): string {
  if (leaseId !== undefined) return leaseId;
  throw new ProblemError('validation_failed', undefined, {
    errors: [{ path: 'body.lease_id', message: 'is required' }],
  });
}
