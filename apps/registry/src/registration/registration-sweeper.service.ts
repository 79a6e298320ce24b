import { type Exclusive, type Held, handle, type PostgresEventStore, pause } from '@gatehouse/event-store';
import type { Platform } from '@gatehouse/service';
import { deviceDecider, deviceStream } from '../device/device.js';
import { removeDevice } from '../device/remove-device/remove-device.js';
import { pendingMs } from './registration-terms.js';
import type { UnownedRegistrations } from './unowned-registrations.js';

export interface SweeperOptions {
  readonly platform: Platform;
  readonly store: PostgresEventStore;
  readonly unowned: UnownedRegistrations;
}

const everyMs = 15 * 60_000;
const pageSize = 200;

/** Forgets registrations that waited too long: one replica at a time. */
export class RegistrationSweeper {
  #turn: Exclusive | undefined;

  constructor(private readonly options: SweeperOptions) {}

  start(): void {
    const { platform } = this.options;
    this.#turn = platform.exclusively('registrations', (held) => this.#run(held));
  }

  async stop(): Promise<void> {
    await this.#turn?.stop();
  }

  async #run({ signal }: Held): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.sweep(Date.now());
      } catch (error) {
        this.options.platform.warn('registrations could not be swept')(error as Error);
      }
      await pause(everyMs, signal);
    }
  }

  /** @param now Unix milliseconds */
  async sweep(now: number): Promise<void> {
    const { platform, unowned } = this.options;
    const { system } = platform.database;
    const before = new Date(now - pendingMs);
    await unowned.sweep(before);
    await system.query('delete from registration_counts where hour < $1', [new Date(now - 2 * 3_600_000)]);
    // Of those, too, that were never decided.
    await system.query('delete from registration_places where noted_at < $1', [before]);
    // Heartbeats of devices that are there no more.
    await system.query(
      `delete from device_reports r using devices d where d.device_id = r.device_id and d.status = 'removed'`,
    );
    for (;;) {
      const { rows } = await system.query<{ tenantId: string; deviceId: string }>(
        `select tenant_id as "tenantId", device_id as "deviceId" from devices
         where status = 'pending' and requested_at <= $1 order by requested_at limit ${pageSize}`,
        [before],
      );
      for (const { tenantId, deviceId } of rows) await this.#expire(tenantId, deviceId, now);
      if (rows.length < pageSize) return;
    }
  }

  #expire(tenantId: string, deviceId: string, now: number) {
    return handle(this.options.store, deviceDecider, {
      streamId: deviceStream(deviceId),
      context: { tenantId, actor: { type: 'gatehouse', id: 'registry' }, now, correlationId: '' },
      // Approved, or asked for again, meanwhile: then it stays.
      decide: (device) =>
        device.status === 'pending' && device.registration.requestedAt + pendingMs <= now
          ? removeDevice('expired')(device)
          : [],
    });
  }
}
