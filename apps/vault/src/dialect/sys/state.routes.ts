import { AUTHORIZE, type Authorize, ProblemError } from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { type Asker, contextOf } from '../../asker.js';
import { SealControl } from '../../key/seal-control.js';
import { BareAnswer } from '../answer.js';
import {
  type DialectRoute,
  type DialectRoutes,
  dialectRoute,
  publicDialectRoute,
  writeMethods,
} from '../dialect-route.js';
import { healthOf, sealStatusBody } from './state.js';

const code = z.coerce.number().int().min(200).max(599).optional();
const healthQuery = z.object({
  ...{ activecode: code, sealedcode: code, uninitcode: code },
  // There is no replica that only waits here.
  ...{ standbycode: code, performancestandbycode: code, drsecondarycode: code },
  ...{ standbyok: z.string().optional(), perfstandbyok: z.string().optional() },
});
const initBody = z
  .object({ secret_shares: z.int().min(1).max(255).optional(), secret_threshold: z.int().min(1).max(255).optional() })
  .default({});
const unsealBody = z.object({ key: z.string().min(1).max(1_024).optional(), reset: z.boolean().optional() });

/** State of the vault, sealing and unsealing. */
@Injectable()
export class StateRoutes implements DialectRoutes {
  readonly routes: readonly DialectRoute[];

  constructor(
    @Inject(SealControl) private readonly seals: SealControl,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
    @Inject(PLATFORM) private readonly platform: Platform,
  ) {
    this.routes = [...this.reads(), this.init(), this.unseal(), this.seal()];
  }

  private reads(): readonly DialectRoute[] {
    const methods = ['GET'] as const;
    const status = async () => new BareAnswer(sealStatusBody(await this.seals.status()));
    return [
      publicDialectRoute({ methods, path: '/v1/sys/seal-status', summary: 'Whether the vault is sealed' }, status),
      publicDialectRoute(
        { methods, path: '/v1/sys/health', summary: 'Whether the vault answers, by the status', query: healthQuery },
        async ({ query }) => {
          const { status: number, body } = healthOf(await this.seals.status(), query, Date.now());
          return new BareAnswer(body, number);
        },
      ),
      publicDialectRoute({ methods, path: '/v1/sys/init', summary: 'Whether there is a root key' }, async () => {
        const { initialized } = await this.seals.status();
        return new BareAnswer({ initialized });
      }),
      publicDialectRoute({ methods, path: '/v1/sys/leader', summary: 'Every replica answers' }, async () => {
        return new BareAnswer({ ha_enabled: false, is_self: true, leader_address: '', leader_cluster_address: '' });
      }),
    ];
  }

  private init() {
    const summary = 'Makes the first root key and tells its shares, once; for operators';
    const spec = { path: '/v1/sys/init', summary, body: initBody };
    return dialectRoute({ ...spec, methods: writeMethods }, async ({ body }, asker) => {
      await this.admit(asker);
      const { shares } = await this.seals.init({
        ...(body.secret_shares !== undefined && { shares: body.secret_shares }),
        ...(body.secret_threshold !== undefined && { threshold: body.secret_threshold }),
      });
      // There is no root token: who may do what is policy's to say.
      return new BareAnswer({ keys: shares, keys_base64: shares, root_token: '' });
    });
  }

  private unseal() {
    const spec = { path: '/v1/sys/unseal', summary: 'One share of the root key more', body: unsealBody };
    return publicDialectRoute({ ...spec, methods: writeMethods }, async ({ body: { key, reset } }) => {
      const { kind, sealed } = await this.seals.status();
      // A share is a credential of its own. What needs none is for operators: they have another address.
      if (reset || key === undefined) throw new ProblemError('validation_failed', 'send key, one share');
      if (!sealed) return new BareAnswer(sealStatusBody(await this.seals.status()));
      if (kind !== 'shamir')
        throw new ProblemError(
          'validation_failed',
          `a seal of kind ${kind} takes no shares: an operator opens it at /api/v1/vault/seal/unseal`,
        );
      return new BareAnswer(sealStatusBody(await this.seals.unseal({ share: key })));
    });
  }

  private seal() {
    const spec = { path: '/v1/sys/seal', summary: 'Seals the vault: every replica forgets its keys; for operators' };
    return dialectRoute({ ...spec, methods: writeMethods }, async (_input, asker) => {
      await this.admit(asker);
      await this.seals.seal(contextOf(asker));
      return undefined;
    });
  }

  /** The seal is that of all tenants, so it is the operator's alone. */
  private async admit({ caller, request }: Asker): Promise<void> {
    if (caller.tenantId !== this.platform.settings.OPERATOR_TENANT) throw new ProblemError('forbidden');
    const decision = await this.authorize(caller, 'seal.write', 'vault/seal', request);
    if (decision?.allowed !== true) throw new ProblemError('forbidden');
  }
}
