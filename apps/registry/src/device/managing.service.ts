import type { Entity } from '@gatehouse/contracts';
import { type NewEvent, type PostgresEventStore, type Query, violates } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import { handleCommand } from '@gatehouse/service';
import type { Asker, DeviceActionName, Permission } from '../permission.js';
import { refusing } from '../refusal.js';
import { parseOwner } from '../registration/owner-reference.js';
import type { Owners } from '../registration/owners.service.js';
import { type Device, deviceDecider, deviceStream } from './device.js';
import type { DeviceRow } from './device-rows.js';

export interface ManagingOptions {
  readonly store: PostgresEventStore;
  readonly permission: Permission;
  readonly owners: Owners;
  /** Connections of the system role. */
  readonly system: Query;
}

const userById = /^user:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Changes devices for who may. */
export class Managing {
  constructor(private readonly options: ManagingOptions) {}

  /** All decisions, before anything is touched; the first is the cause of what follows. @throws ProblemError `forbidden` */
  async allow(asker: Asker, { deviceId }: DeviceRow, also: readonly DeviceActionName[] = []): Promise<void> {
    const { permission } = this.options;
    const first = await permission.require(asker, 'device.manage', deviceId);
    for (const action of also) await permission.require(asker, action, deviceId);
    asker.request.decisionId = first ?? null;
  }

  /** @throws ProblemError `name_taken`, and what the decision refuses */
  async change(
    { caller, request }: Asker,
    { deviceId }: DeviceRow,
    operation: string,
    decide: (device: Device) => readonly NewEvent[],
  ): Promise<void> {
    const command = { request, caller, operation, streamId: deviceStream(deviceId), decide };
    try {
      await refusing(() => handleCommand(this.options.store, deviceDecider, command));
    } catch (error) {
      throw violates(error, 'devices_name') ? new ProblemError('name_taken') : error;
    }
  }

  /**
   * Somebody to whom a device of this tenant may be given: a member, or the tenant itself.
   *
   * @throws ProblemError `validation_failed`, the same for who does not exist as for who is no member
   */
  async ownerWithin(tenantId: string, text: string): Promise<Entity> {
    const reference = parseOwner(text);
    const id = userById.exec(text)?.[1];
    const found = reference && (await this.options.owners.find(reference));
    const owner = id === undefined ? found?.owner : { type: 'user', id };
    if (owner?.type === 'org' && owner.id === tenantId) return owner;
    if (owner?.type === 'user' && (await this.#isMember(tenantId, owner.id))) return owner;
    throw new ProblemError('validation_failed', undefined, {
      errors: [{ path: 'body.owner', message: 'is neither a member of this tenant nor the tenant itself' }],
    });
  }

  async #isMember(tenantId: string, userId: string): Promise<boolean> {
    const { rows } = await this.options.system.query(
      'select from known_members where tenant_id = $1 and user_id = $2::uuid',
      [tenantId, userId],
    );
    return rows.length > 0;
  }
}
