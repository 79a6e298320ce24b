import {
  Caller,
  defineRoute,
  type HttpRequest,
  Input,
  type InputOf,
  type Principal,
  ProblemError,
  Route,
} from '@gatehouse/http';
import { commandContext, PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { RootKeyRotation } from './root-key-rotation.js';
import { RootKeys } from './root-keys.js';
import { sealKinds } from './seal.js';
import { SealControl } from './seal-control.js';
import { shareLimits } from './shamir/shamir-seal.js';
import { sharePattern } from './shamir/share.js';

const path = '/api/v1/vault/seal';
const resource = 'vault/seal';
const mayWrite = { kind: 'action', action: 'seal.write', resource } as const;
const bodyLimitBytes = 1_024;

const status = z.object({
  initialized: z.boolean(),
  sealed: z.boolean(),
  kind: z.enum(sealKinds),
  threshold: z.int(),
  shares: z.int(),
  progress: z.int(),
  nonce: z.string(),
  version: z.string(),
  problem: z.string().nullable(),
});
const count = z.int().min(shareLimits.min).max(shareLimits.max);
const split = z.strictObject({ shares: count.optional(), threshold: count.optional() });
const shares = z.object({ shares: z.array(z.string()) });

const read = defineRoute({
  method: 'GET',
  path,
  summary: 'Whether the vault is sealed, with what, and why; for operators',
  access: { kind: 'action', action: 'seal.read', resource },
  response: status,
});
const seal = defineRoute({
  method: 'POST',
  path,
  summary: 'Seals the vault: every replica forgets its keys; for operators',
  access: mayWrite,
  response: status,
});
const unseal = defineRoute({
  method: 'POST',
  path: `${path}/unseal`,
  summary: 'Unseals the vault; with shares of people: one share more, of this replica; for operators',
  access: mayWrite,
  body: z.strictObject({ share: z.string().regex(sharePattern).optional(), reset: z.boolean().optional() }).optional(),
  response: status,
  bodyLimitBytes,
  problems: [
    'not_initialized',
    'share_malformed',
    'share_of_other_set',
    'shares_wrong',
    'unseal_throttled',
    'unseal_failed',
  ],
});
const init = defineRoute({
  method: 'POST',
  path: `${path}/init`,
  summary: 'Makes the first root key, and answers the shares that unseal it, once; for operators',
  access: mayWrite,
  body: split.optional(),
  response: shares,
  status: 201,
  bodyLimitBytes,
  problems: ['already_initialized', 'initializes_itself'],
});
const rekey = defineRoute({
  method: 'POST',
  path: `${path}/rekey`,
  summary: 'Seals the same root keys with a new key, or with new shares, which it answers once; for operators',
  access: mayWrite,
  body: split.optional(),
  response: shares,
  bodyLimitBytes,
  problems: ['sealed', 'rekey_not_possible'],
});
const rootKeys = defineRoute({
  method: 'GET',
  path: '/api/v1/vault/root-key',
  summary: 'Root keys there are, and those that this replica holds in memory; for operators',
  access: { kind: 'action', action: 'seal.read', resource },
  response: z.object({
    keys: z.array(z.object({ id: z.string(), active: z.boolean(), seal: z.enum(sealKinds) })),
    held: z.array(z.string()),
  }),
});
const rotate = defineRoute({
  method: 'POST',
  path: '/api/v1/vault/root-key/rotate',
  summary: 'Makes a new root key; the keys of tenants follow in the background; for operators',
  access: mayWrite,
  response: z.object({ id: z.string() }),
  status: 202,
  problems: ['sealed', 'rotation_running'],
});

/** The seal is that of all tenants, so it is the operator's alone. Others find nothing here. */
@Controller()
export class SealController {
  constructor(
    @Inject(SealControl) private readonly control: SealControl,
    @Inject(RootKeys) private readonly roots: RootKeys,
    @Inject(RootKeyRotation) private readonly rotation: RootKeyRotation,
    @Inject(PLATFORM) private readonly platform: Platform,
  ) {}

  @Route(read)
  read(@Caller() caller: Principal) {
    this.refuseOthers(caller);
    return this.view();
  }

  @Route(seal)
  async seal(@Caller() caller: Principal, @Req() request: HttpRequest) {
    this.refuseOthers(caller);
    await this.control.seal(commandContext(request, caller, Date.now()));
    return this.view();
  }

  @Route(unseal)
  async unseal(@Input() { body }: InputOf<typeof unseal>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    this.refuseOthers(caller);
    await this.control.unseal(body ?? {}, commandContext(request, caller, Date.now()));
    return this.view();
  }

  @Route(init)
  init(@Input() { body }: InputOf<typeof init>, @Caller() caller: Principal) {
    this.refuseOthers(caller);
    return this.control.init(body);
  }

  @Route(rekey)
  rekey(@Input() { body }: InputOf<typeof rekey>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    this.refuseOthers(caller);
    return this.control.rekey(body, commandContext(request, caller, Date.now()));
  }

  @Route(rootKeys)
  async rootKeys(@Caller() caller: Principal) {
    this.refuseOthers(caller);
    const rows = await this.roots.rows();
    return {
      keys: rows.map(({ id, active, seal_kind: kind }) => ({ id, active, seal: kind })),
      held: this.roots.held,
    };
  }

  @Route(rotate)
  async rotate(@Caller() caller: Principal, @Req() request: HttpRequest) {
    this.refuseOthers(caller);
    return { id: await this.rotation.start(commandContext(request, caller, Date.now())) };
  }

  private async view() {
    return { ...(await this.control.status()), problem: this.control.problem ?? null };
  }

  private refuseOthers({ tenantId }: Principal): void {
    if (tenantId !== this.platform.settings.OPERATOR_TENANT) throw new ProblemError('not_found');
  }
}
