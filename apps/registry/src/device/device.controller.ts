import { PostgresEventStore } from '@gatehouse/event-store';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { commandHeaders, handleCommand } from '@gatehouse/service';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { Permission } from '../permission.js';
import { deviceDecider, deviceStream } from './device.js';
import { deviceView } from './device-view.js';
import { Devices } from './devices.service.js';
import { removeDevice } from './remove-device/remove-device.js';

const path = '/api/v1/devices/:device';
/** Decided in the handler, which knows the device; policy weighs the scopes there. */
const decidedInside = { kind: 'authenticated', anyScope: true } as const;
const params = z.object({ device: z.string().min(1).max(253).describe('Id, name or host name') });

const show = defineRoute({
  method: 'GET',
  path,
  summary: 'One device',
  access: decidedInside,
  params,
  problems: ['forbidden', 'not_found', 'name_ambiguous'],
});

const remove = defineRoute({
  method: 'DELETE',
  path,
  summary: 'Removes a device: its key, its tunnel and every session end at once',
  access: decidedInside,
  params,
  headers: commandHeaders,
  status: 204,
  problems: ['forbidden', 'not_found', 'name_ambiguous', 'stale_revision'],
});

@Controller()
export class DeviceController {
  constructor(
    @Inject(Devices) private readonly devices: Devices,
    @Inject(Permission) private readonly permission: Permission,
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
  ) {}

  @Route(show)
  async show(@Input() { params }: InputOf<typeof show>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const row = await this.devices.find(caller.tenantId, params.device);
    await this.permission.require({ caller, request }, 'device.read', row.deviceId);
    return deviceView(row);
  }

  @Route(remove)
  async remove(@Input() { params }: InputOf<typeof remove>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { deviceId } = await this.devices.find(caller.tenantId, params.device);
    // The one decision, before anything is touched.
    request.decisionId = (await this.permission.require({ caller, request }, 'device.manage', deviceId)) ?? null;
    await handleCommand(this.store, deviceDecider, {
      ...{ request, caller, operation: 'device.remove' },
      streamId: deviceStream(deviceId),
      decide: removeDevice('removed'),
    });
  }
}
