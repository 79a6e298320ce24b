import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { BareAnswer } from '../answer.js';
import { type DialectRoute, type DialectRoutes, publicDialectRoute } from '../dialect-route.js';
import { healthOf, SEAL_STATUS, type SealStatus, sealStatusBody } from './state.js';

const code = z.coerce.number().int().min(200).max(599).optional();
const healthQuery = z.object({
  ...{ activecode: code, sealedcode: code, uninitcode: code },
  // There is no replica that only waits here.
  ...{ standbycode: code, performancestandbycode: code, drsecondarycode: code },
  ...{ standbyok: z.string().optional(), perfstandbyok: z.string().optional() },
});

/** State of the vault, told to everybody: clients ask before they have a token. */
@Injectable()
export class StateRoutes implements DialectRoutes {
  readonly routes: readonly DialectRoute[];

  constructor(@Inject(SEAL_STATUS) private readonly status: SealStatus) {
    this.routes = this.reads();
  }

  private reads(): readonly DialectRoute[] {
    const methods = ['GET'] as const;
    const status = async () => new BareAnswer(sealStatusBody(await this.status()));
    return [
      publicDialectRoute({ methods, path: '/v1/sys/seal-status', summary: 'Whether the vault is sealed' }, status),
      publicDialectRoute(
        { methods, path: '/v1/sys/health', summary: 'Whether the vault answers, by the status', query: healthQuery },
        async ({ query }) => {
          const { status: number, body } = healthOf(await this.status(), query, Date.now());
          return new BareAnswer(body, number);
        },
      ),
      publicDialectRoute({ methods, path: '/v1/sys/init', summary: 'Whether there is a root key' }, async () => {
        const { initialized } = await this.status();
        return new BareAnswer({ initialized });
      }),
      publicDialectRoute({ methods, path: '/v1/sys/leader', summary: 'Every replica answers' }, async () => {
        return new BareAnswer({ ha_enabled: false, is_self: true, leader_address: '', leader_cluster_address: '' });
      }),
    ];
  }
}
