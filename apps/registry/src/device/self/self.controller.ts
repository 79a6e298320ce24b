import { grantKeys as grantKeysCall } from '@gatehouse/contracts';
import { asTenant, PostgresEventStore, violates } from '@gatehouse/event-store';
import {
  Caller,
  defineProblems,
  defineRoute,
  type HttpRequest,
  Input,
  type InputOf,
  type Principal,
  ProblemError,
  Route,
} from '@gatehouse/http';
import { handleCommand, PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { GRANT_KEYS } from '../../grant-key/grant-key.controller.js';
import type { GrantKeys } from '../../grant-key/grant-keys.js';
import { refusing } from '../../refusal.js';
import { assertProof, keysOf } from '../../registration/proof.js';
import { publicKeys, signature, signedAt } from '../../registration/registration-input.js';
import type { RegistrySettings } from '../../settings.js';
import { rotateKeys } from '../change-device/change-device.js';
import { deviceDecider, deviceStream } from '../device.js';
import { Devices } from '../devices.service.js';

defineProblems({
  not_a_device: { status: 403, title: 'Only a device may do this, for itself' },
  already_rotated: { status: 409, title: 'These are the keys of the device already' },
});

/** Injection token of the settings. */
export const SETTINGS = Symbol('registry.settings');

const intervalSeconds = 60;
const dayMs = 86_400_000;
const own = { kind: 'authenticated', anyScope: true } as const;
const line = (max: number) => z.string().max(max);

const heartbeat = defineRoute({
  method: 'POST',
  path: '/api/v1/devices/self/heartbeat',
  summary: 'A device tells how it is, and is told what it has to know',
  access: own,
  body: z.strictObject({
    system: z
      .object({
        ...{ hostname: line(253), platform: line(64), architecture: line(32), version: line(64), kernel: line(128) },
        ...{
          cpu: line(128),
          cores: z.int().min(0).max(65_536),
          memoryBytes: z.int().min(0),
          uptimeSeconds: z.int().min(0),
        },
        addresses: z.array(line(64)).max(16),
      })
      .partial(),
  }),
  bodyLimitBytes: 16 * 1024,
  response: z.object({
    deviceId: z.uuid(),
    rotationDue: z.boolean().describe('Make new keys, and send them signed by the old one'),
    relays: z.array(z.string()),
    grantKeys: grantKeysCall.response.shape.keys,
    settings: z.object({ record: z.boolean(), approveOnDevice: z.boolean() }),
    intervalSeconds: z.int(),
  }),
  problems: ['not_a_device', 'not_found'],
});

const rotate = defineRoute({
  method: 'POST',
  path: '/api/v1/devices/self/keys',
  summary: 'A device gives up its keys for new ones; signed by the identity key that it gives up',
  access: own,
  body: z.strictObject({ keys: publicKeys, signedAt, signature }),
  bodyLimitBytes: 4 * 1024,
  status: 204,
  problems: ['not_a_device', 'not_found', 'proof_invalid', 'proof_stale', 'already_rotated', 'conflict'],
});

@Controller()
export class SelfController {
  constructor(
    @Inject(Devices) private readonly devices: Devices,
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
    @Inject(GRANT_KEYS) private readonly grantKeys: GrantKeys,
    @Inject(SETTINGS) private readonly settings: RegistrySettings,
    @Inject(PLATFORM) private readonly platform: Platform,
  ) {}

  @Route(heartbeat)
  async heartbeat(@Input() { body }: InputOf<typeof heartbeat>, @Caller() caller: Principal) {
    const { tenantId, id: deviceId } = device(caller);
    const row = await this.devices.find(tenantId, deviceId);
    await asTenant(this.platform.database.request, tenantId, (client) =>
      client.query(
        `insert into device_reports (tenant_id, device_id, reported_at, system) values ($1, $2, now(), $3)
         on conflict (device_id) do update set reported_at = excluded.reported_at, system = excluded.system
         where device_reports.tenant_id = excluded.tenant_id`,
        [tenantId, deviceId, JSON.stringify(body.system)],
      ),
    );
    return {
      deviceId,
      rotationDue: Date.now() - row.keysSince.getTime() > this.settings.IDENTITY_KEY_DAYS * dayMs,
      relays: this.settings.RELAYS,
      grantKeys: this.grantKeys.told,
      settings: { record: row.record, approveOnDevice: row.approveOnDevice },
      intervalSeconds,
    };
  }

  @Route(rotate)
  async rotate(@Input() { body }: InputOf<typeof rotate>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { tenantId, id: deviceId } = device(caller);
    const { identityKey, sessionKey } = await this.devices.find(tenantId, deviceId);
    if (identityKey === body.keys.identity && sessionKey === body.keys.session)
      throw new ProblemError('already_rotated');
    const publicUrl = this.settings.PUBLIC_URL;
    assertProof({ purpose: 'keys', identityKey, publicUrl, said: body, now: Date.now() });
    const command = { request, caller, operation: 'device.rotate', streamId: deviceStream(deviceId) };
    try {
      await refusing(() =>
        handleCommand(this.store, deviceDecider, { ...command, decide: rotateKeys(keysOf(body.keys)) }),
      );
    } catch (error) {
      throw violates(error, 'devices_fingerprint')
        ? new ProblemError('conflict', 'Another device has this identity key')
        : error;
    }
  }
}

function device(caller: Principal): Principal {
  if (caller.type !== 'device') throw new ProblemError('not_a_device');
  return caller;
}
