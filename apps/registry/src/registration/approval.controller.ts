import { asTenant } from '@gatehouse/event-store';
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
import { decidedInside, labelsInput, nameInput } from '../device/device-input.js';
import { type DeviceRow, selectDevices } from '../device/device-rows.js';
import { deviceView } from '../device/device-view.js';
import { Devices } from '../device/devices.service.js';
import { Permission } from '../permission.js';
import { refusing } from '../refusal.js';
import { listRegistrations } from './registration-list.js';
import { Registrations } from './registrations.service.js';
import { UntilKnown } from './until-known.service.js';

const base = '/api/v1/devices/registrations';

const decidedProblems = ['forbidden', 'not_found', 'registration_decided'];

const list = defineRoute({
  method: 'GET',
  path: base,
  summary: 'Lists registrations: what each device says of itself, where it asked from, and its fingerprint',
  access: { kind: 'action', action: 'device.approve', resource: 'tenant/devices' },
  query: z.object({
    state: z.enum(['pending', 'rejected']).default('pending'),
    limit: z.coerce.number().int().min(1).max(200).default(50),
    cursor: z.string().max(128).optional(),
  }),
});

const approve = defineRoute({
  method: 'POST',
  path: `${base}/:requestId/approve`,
  summary: 'Lets a device in. It fetches its key itself, with the key that only it has',
  access: decidedInside,
  params: z.object({ requestId: z.uuid() }),
  body: z.strictObject({
    name: nameInput.optional(),
    labels: labelsInput.optional(),
    fingerprint: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional()
      .describe('As the device shows it: another one is refused'),
  }),
  problems: [...decidedProblems, 'registration_expired', 'fingerprint_differs', 'name_taken'],
});

const reject = defineRoute({
  method: 'POST',
  path: `${base}/:requestId/reject`,
  summary: 'Keeps a device out: its keys are refused until somebody lifts it',
  access: decidedInside,
  params: z.object({ requestId: z.uuid() }),
  body: z.strictObject({ reason: z.string().max(512).default('') }),
  problems: decidedProblems,
});

const lift = defineRoute({
  method: 'POST',
  path: '/api/v1/devices/rejections/lift',
  summary: 'Lets a rejected device ask again',
  access: decidedInside,
  body: z.strictObject({ fingerprint: z.string().regex(/^[0-9a-f]{64}$/) }),
  status: 204,
  problems: ['forbidden', 'not_found'],
});

@Controller()
export class ApprovalController {
  constructor(
    @Inject(Registrations) private readonly registrations: Registrations,
    @Inject(Devices) private readonly devices: Devices,
    @Inject(Permission) private readonly permission: Permission,
    @Inject(UntilKnown) private readonly untilKnown: UntilKnown,
    @Inject(PLATFORM) private readonly platform: Platform,
  ) {}

  @Route(list)
  list(@Input() { query }: InputOf<typeof list>, @Caller() { tenantId }: Principal) {
    return listRegistrations(this.platform.database.request, tenantId, query, Date.now());
  }

  @Route(approve)
  async approve(@Input() input: InputOf<typeof approve>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const row = await this.#of(caller, input.params.requestId);
    const { name, labels, fingerprint } = input.body;
    const context = await this.#allowed(caller, request, row);
    const owner = ownerIn(row.tenantId);
    const { device, position } = await refusing(() =>
      this.registrations.approve({ row, name, labels, fingerprint }, context, owner),
    );
    if (device.status !== 'approved') throw new Error('an approval left no approved device');
    const known = position === undefined ? {} : await this.untilKnown.wait(position);
    return { ...deviceView(await this.devices.find(caller.tenantId, row.deviceId)), ...known };
  }

  @Route(reject)
  async reject(@Input() input: InputOf<typeof reject>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const row = await this.#of(caller, input.params.requestId);
    const context = await this.#allowed(caller, request, row);
    await refusing(() => this.registrations.reject(row, input.body.reason, context));
    return { requestId: row.requestId, deviceId: row.deviceId, state: 'rejected' };
  }

  @Route(lift)
  async lift(@Input() { body }: InputOf<typeof lift>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const row = await this.registrations.byFingerprint(caller.tenantId, body.fingerprint);
    if (row?.status !== 'rejected') throw new ProblemError('not_found', 'No device of this fingerprint is rejected');
    await this.registrations.lift(row, await this.#allowed(caller, request, row));
  }

  /** One decision, before anything changes. */
  async #allowed(caller: Principal, request: HttpRequest, { deviceId }: DeviceRow) {
    const decisionId = await this.permission.require({ caller, request }, 'device.approve', deviceId);
    const context = commandContext(request, caller, Date.now());
    return decisionId === undefined ? context : { ...context, causationId: decisionId };
  }

  async #of({ tenantId }: Principal, requestId: string): Promise<DeviceRow> {
    const [row] = await asTenant(this.platform.database.request, tenantId, (client) =>
      selectDevices(client, 'd.tenant_id = $1 and d.request_id = $2', [tenantId, requestId]),
    );
    if (!row || row.status === 'removed') throw new ProblemError('not_found', 'There is no such registration');
    return row;
  }
}

/** A device of a personal workspace is its person's; any other is the organization's, until somebody gives it away. */
function ownerIn(tenantId: string) {
  const userId = /^p-([0-9a-f-]{36})$/.exec(tenantId)?.[1];
  return userId === undefined ? { type: 'org', id: tenantId } : { type: 'user', id: userId };
}
