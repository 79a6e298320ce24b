import { randomUUID } from 'node:crypto';
import { type DeviceKeys, formatPosition, type Position } from '@gatehouse/contracts';
import { type Pepper, pseudonym } from '@gatehouse/crypto';
import { type CommandContext, handle, type PostgresEventStore, type Query, violates } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import { recordableText } from '@gatehouse/telemetry';
import type pg from 'pg';
import { type Device, deviceDecider, deviceStream } from '../device/device.js';
import { freeName, nameFor } from '../device/device-name.js';
import { type DeviceRow, selectDevices } from '../device/device-rows.js';
import { approveRegistration } from './approve-registration/approve-registration.js';
import type { FoundOwner } from './owners.service.js';
import type { RegistrationInput } from './registration-input.js';
import { pendingMs } from './registration-terms.js';
import { liftRejection, rejectRegistration } from './reject-registration/reject-registration.js';
import { requestRegistration } from './request-registration/request-registration.js';
import { tooManyPending } from './unowned-registrations.js';

export interface Requested {
  readonly requestId: string;
  readonly deviceId: string;
  readonly state: 'pending' | 'approved';
}

export interface ApproveCommand {
  readonly row: DeviceRow;
  readonly name: string | undefined;
  readonly labels: Readonly<Record<string, string>> | undefined;
  readonly fingerprint: string | undefined;
}

export interface RegistrationsOptions {
  readonly store: PostgresEventStore;
  /** Connections of the system role: who asks for a registration names no tenant. */
  readonly system: Query;
  readonly pepper: Pepper;
  readonly maxPending: number;
}

/** How often names and keys are tried again that somebody else took in the same moment. */
const maxTries = 4;

/** What is done with registrations, each in one transaction. */
export class Registrations {
  constructor(private readonly options: RegistrationsOptions) {}

  /** The device of a request, in whatever tenant. */
  async byRequest(requestId: string): Promise<DeviceRow | undefined> {
    return (await selectDevices(this.options.system, 'd.request_id = $1', [requestId]))[0];
  }

  /** The device with this identity key in a tenant, unless it was removed. */
  async byFingerprint(tenantId: string, fingerprint: string): Promise<DeviceRow | undefined> {
    const where = `d.tenant_id = $1 and d.fingerprint = $2 and d.status <> 'removed'`;
    return (await selectDevices(this.options.system, where, [tenantId, fingerprint]))[0];
  }

  /** @throws Refusal `registration_rejected`; ProblemError `rate_limited` when too many wait */
  request(
    { tenantId }: FoundOwner,
    keys: DeviceKeys,
    { description }: RegistrationInput,
    { ip, correlationId, now }: { readonly ip: string; readonly correlationId: string; readonly now: number },
  ): Promise<Requested> {
    const { pepper } = this.options;
    const said = {
      ...description,
      hostname: recordableText(pepper, description.hostname),
      version: recordableText(pepper, description.version),
    };
    return this.#together(tenantId, async (log, client) => {
      const where = `d.fingerprint = $1 and d.status <> 'removed'`;
      const known = (await selectDevices(client, where, [keys.fingerprint]))[0];
      const deviceId = known?.deviceId ?? randomUUID();
      const requestId = randomUUID();
      const data = { requestId, deviceId, keys, description: said, addresses: [pseudonym(pepper, ip)] };
      if (known?.requestState !== 'pending') await this.#refuseFlood(client, now);
      const result = await handle(log, deviceDecider, {
        streamId: deviceStream(deviceId),
        context: { tenantId, actor: { type: 'device', id: deviceId }, now, correlationId },
        decide: requestRegistration(data, now),
      });
      if (result.events.length > 0) await notePlace(client, { tenantId, requestId, ip });
      return toRequested(result.state);
    });
  }

  /** Approves, under the first name that is free. */
  approve(command: ApproveCommand, context: CommandContext, owner: FoundOwner['owner']) {
    const { row, labels, fingerprint } = command;
    return this.#together(context.tenantId, async (log, client) => {
      const name = await this.#nameFor(client, command);
      const approval = { requestId: row.requestId, name, owner, labels, fingerprint, now: context.now };
      const decide = approveRegistration(approval);
      const result = await handle(log, deviceDecider, { streamId: deviceStream(row.deviceId), context, decide });
      await forgetPlace(client, row.requestId);
      return { device: result.state, position: textOf(result.position) };
    });
  }

  reject({ requestId, deviceId }: DeviceRow, reason: string, context: CommandContext) {
    return this.#together(context.tenantId, async (log, client) => {
      const recorded = recordableText(this.options.pepper, reason);
      const decide = rejectRegistration(requestId, recorded);
      const result = await handle(log, deviceDecider, { streamId: deviceStream(deviceId), context, decide });
      await forgetPlace(client, requestId);
      return result.state;
    });
  }

  async lift({ deviceId }: DeviceRow, context: CommandContext): Promise<void> {
    const streamId = deviceStream(deviceId);
    await handle(this.options.store, deviceDecider, { streamId, context, decide: liftRejection });
  }

  /** A chosen name is that one or none; a derived one gets a number when it is taken. */
  async #nameFor(client: pg.PoolClient, { name, row }: ApproveCommand): Promise<string> {
    const wanted = name ?? nameFor(row.hostname);
    const { rows } = await client.query<{ name: string }>(
      `select lower(name) as name from devices where status = 'approved' and device_id <> $1
       and (lower(name) = lower($2) or starts_with(lower(name), lower($3)))`,
      [row.deviceId, wanted, wanted.slice(0, 50)],
    );
    const taken = new Set(rows.map((one) => one.name));
    if (name !== undefined && taken.has(name.toLowerCase())) throw new ProblemError('name_taken');
    return freeName(wanted, taken);
  }

  async #refuseFlood(client: pg.PoolClient, now: number): Promise<void> {
    const { rows } = await client.query<{ count: string }>(
      `select count(*) from devices where request_state = 'pending' and requested_at > $1`,
      [new Date(now - pendingMs)],
    );
    if (Number(rows[0]?.count) >= this.options.maxPending) throw tooManyPending();
  }

  /** A transaction that is tried again when somebody else took the same name, or registered the same keys, meanwhile. */
  async #together<T>(tenantId: string, work: Parameters<typeof this.options.store.together<T>>[1]): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.options.store.together(tenantId, work);
      } catch (error) {
        const isTaken = violates(error, 'devices_name') || violates(error, 'devices_fingerprint');
        if (!isTaken || attempt === maxTries) throw error;
      }
    }
  }
}

function toRequested(device: Device): Requested {
  if (device.status === 'unknown' || device.status === 'removed') throw new Error('a registration left no device');
  const { registration, deviceId } = device;
  return {
    requestId: registration.requestId,
    deviceId,
    state: device.status === 'approved' && registration.state === 'approved' ? 'approved' : 'pending',
  };
}

const textOf = (position: Position | undefined): string | undefined => position && formatPosition(position);

const notePlace = (client: pg.PoolClient, place: { tenantId: string; requestId: string; ip: string }) =>
  client.query('insert into registration_places (tenant_id, request_id, addresses) values ($1, $2, $3)', [
    ...[place.tenantId, place.requestId, [place.ip]],
  ]);

const forgetPlace = (client: pg.PoolClient, requestId: string) =>
  client.query('delete from registration_places where request_id = $1', [requestId]);
