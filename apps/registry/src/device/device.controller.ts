import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { commandHeaders, PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { Permission } from '../permission.js';
import { changeDevice, putLabels } from './change-device/change-device.js';
import { readHistory } from './device-history/device-history.js';
import {
  decidedInside,
  deviceParams,
  groupName,
  labelSelector,
  labelsInput,
  nameInput,
  pageQuery,
} from './device-input.js';
import { listDevices } from './device-list/list-devices.js';
import { deviceView } from './device-view.js';
import { Devices } from './devices.service.js';
import { Managing } from './managing.service.js';
import { removeDevice } from './remove-device/remove-device.js';

const path = '/api/v1/devices/:device';
const problems = ['forbidden', 'not_found', 'name_ambiguous'];
const written = [...problems, 'stale_revision', 'idempotency_key_reused'];

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/devices',
  summary: 'Lists the devices that the caller may read, by name',
  access: decidedInside,
  query: z.object({
    ...pageQuery,
    label: labelSelector.optional().describe('NAME=VALUE, several with commas: all of them'),
    group: groupName.optional(),
    status: z.enum(['online', 'offline']).optional(),
    search: z.string().min(1).max(128).optional().describe('In names and host names'),
    cursor: z.string().max(128).optional(),
  }),
});

const show = defineRoute({
  method: 'GET',
  path,
  summary: 'One device, and what it last told of itself',
  access: decidedInside,
  params: deviceParams,
  problems,
});

const change = defineRoute({
  method: 'PATCH',
  path,
  summary: 'Renames a device, changes its settings, or gives it to another owner',
  access: decidedInside,
  params: deviceParams,
  body: z.strictObject({
    name: nameInput.optional(),
    owner: z.string().max(320).optional().describe('user:<email> or user:<id> of a member, or org:<id> of this tenant'),
    settings: z.strictObject({ record: z.boolean().optional(), approveOnDevice: z.boolean().optional() }).optional(),
  }),
  headers: commandHeaders,
  problems: [...written, 'name_taken'],
});

const label = defineRoute({
  method: 'PUT',
  path: `${path}/labels`,
  summary: 'Replaces the labels of a device; policies may go by them',
  access: decidedInside,
  params: deviceParams,
  body: z.strictObject({ labels: labelsInput }),
  headers: commandHeaders,
  problems: written,
});

const remove = defineRoute({
  method: 'DELETE',
  path,
  summary: 'Removes a device: its key, its tunnel and every session end at once',
  access: decidedInside,
  params: deviceParams,
  headers: commandHeaders,
  status: 204,
  problems: written,
});

const history = defineRoute({
  method: 'GET',
  path: `${path}/history`,
  summary: 'When a device was there and when not, the newest first',
  access: decidedInside,
  params: deviceParams,
  query: z.object({ ...pageQuery, cursor: z.uuid().optional() }),
  problems,
});

@Controller()
export class DeviceController {
  constructor(
    @Inject(Devices) private readonly devices: Devices,
    @Inject(Permission) private readonly permission: Permission,
    @Inject(Managing) private readonly managing: Managing,
    @Inject(PLATFORM) private readonly platform: Platform,
  ) {}

  @Route(list)
  list(@Input() { query }: InputOf<typeof list>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { label, limit, cursor, ...filter } = query;
    const context = { pool: this.platform.database.request, permission: this.permission };
    return listDevices(context, { caller, request }, { ...filter, labels: label ?? {} }, { limit, cursor });
  }

  @Route(show)
  async show(@Input() { params }: InputOf<typeof show>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const row = await this.#readable(caller, request, params.device);
    return { ...deviceView(row), system: await this.devices.systemOf(row) };
  }

  @Route(change)
  async change(@Input() input: InputOf<typeof change>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const row = await this.devices.find(caller.tenantId, input.params.device);
    const asker = { caller, request };
    const { owner: reference, ...rest } = input.body;
    await this.managing.allow(asker, row, reference === undefined ? [] : ['device.transfer']);
    const owner = reference === undefined ? undefined : await this.managing.ownerWithin(caller.tenantId, reference);
    await this.managing.change(asker, row, 'device.change', changeDevice({ ...rest, owner }));
    return deviceView(await this.devices.find(caller.tenantId, row.deviceId));
  }

  @Route(label)
  async label(@Input() input: InputOf<typeof label>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const row = await this.devices.find(caller.tenantId, input.params.device);
    await this.managing.allow({ caller, request }, row);
    await this.managing.change({ caller, request }, row, 'device.label', putLabels(input.body.labels));
    return deviceView(await this.devices.find(caller.tenantId, row.deviceId));
  }

  @Route(remove)
  async remove(@Input() { params }: InputOf<typeof remove>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const row = await this.devices.find(caller.tenantId, params.device);
    await this.managing.allow({ caller, request }, row);
    await this.managing.change({ caller, request }, row, 'device.remove', removeDevice('removed'));
  }

  @Route(history)
  async history(@Input() input: InputOf<typeof history>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { deviceId } = await this.#readable(caller, request, input.params.device);
    return readHistory(this.platform.database.request, caller.tenantId, deviceId, input.query);
  }

  async #readable(caller: Principal, request: HttpRequest, device: string) {
    const row = await this.devices.find(caller.tenantId, device);
    await this.permission.require({ caller, request }, 'device.read', row.deviceId);
    return row;
  }
}
