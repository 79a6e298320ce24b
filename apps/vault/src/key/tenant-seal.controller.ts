import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { commandContext } from '@gatehouse/service';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { TenantKeyRotation } from './tenant-key-rotation.js';
import { TenantSeals } from './tenant-seal.service.js';

const path = '/api/v1/vault/tenant-seal';
const resource = 'tenant/seal';
const mayWrite = { kind: 'action', action: 'seal.write', resource } as const;
const unsealKey = z.string().max(64);
const bodyLimitBytes = 1_024;

const status = z.object({
  sealed: z.boolean(),
  sealedAt: z.iso.datetime().optional(),
  wrongAttempts: z.int().optional(),
});
const read = defineRoute({
  method: 'GET',
  path,
  summary: 'Whether the tenant sealed itself',
  access: { kind: 'action', action: 'seal.read', resource },
  response: status,
});
const makeKey = defineRoute({
  method: 'POST',
  path: `${path}/key`,
  summary: 'Answers a new unseal key, once. Nothing is sealed before it is brought back',
  access: mayWrite,
  response: z.object({ unsealKey: z.string() }),
  status: 201,
});
const seal = defineRoute({
  method: 'POST',
  path,
  summary: 'Seals the tenant: its secrets open again with this key, and with nothing else',
  access: mayWrite,
  body: z.strictObject({ unsealKey }),
  response: status,
  bodyLimitBytes,
  problems: ['tenant_already_sealed', 'sealed', 'key_damaged'],
});
const unseal = defineRoute({
  method: 'DELETE',
  path,
  summary: 'Unseals the tenant with its key',
  access: mayWrite,
  body: z.strictObject({ unsealKey }),
  response: status,
  bodyLimitBytes,
  problems: ['tenant_not_sealed', 'unseal_key_wrong', 'unseal_throttled', 'sealed', 'key_damaged'],
});
const rotate = defineRoute({
  method: 'POST',
  path: '/api/v1/vault/tenant-key/rotate',
  summary: "Makes a new version of the tenant's key; what was written before follows in the background",
  access: mayWrite,
  response: z.object({ version: z.int() }),
  status: 202,
  problems: ['rotation_running', 'tenant_sealed', 'sealed', 'key_damaged'],
});

/** What a tenant does with its own keys. */
@Controller()
export class TenantSealController {
  constructor(
    @Inject(TenantSeals) private readonly seals: TenantSeals,
    @Inject(TenantKeyRotation) private readonly rotation: TenantKeyRotation,
  ) {}

  @Route(read)
  read(@Caller() { tenantId }: Principal) {
    return this.seals.status(tenantId);
  }

  @Route(makeKey)
  makeKey() {
    return { unsealKey: this.seals.newUnsealKey() };
  }

  @Route(seal)
  async seal(@Input() { body }: InputOf<typeof seal>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    await this.seals.seal(body.unsealKey, commandContext(request, caller, Date.now()));
    return this.seals.status(caller.tenantId);
  }

  @Route(unseal)
  async unseal(@Input() { body }: InputOf<typeof unseal>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    await this.seals.unseal(body.unsealKey, commandContext(request, caller, Date.now()));
    return this.seals.status(caller.tenantId);
  }

  @Route(rotate)
  async rotate(@Caller() caller: Principal, @Req() request: HttpRequest) {
    return { version: await this.rotation.start(commandContext(request, caller, Date.now())) };
  }
}
