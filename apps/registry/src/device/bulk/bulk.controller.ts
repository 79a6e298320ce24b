import { type CommandContext, handle, type NewEvent, PostgresEventStore } from '@gatehouse/event-store';
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
import { commandContext } from '@gatehouse/service';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { type Asker, type DeviceActionName, deniedBy, Permission } from '../../permission.js';
import { refusing } from '../../refusal.js';
import { changeGroups, changeLabels } from '../change-device/change-device.js';
import { type Device, deviceDecider, deviceStream } from '../device.js';
import { decidedInside, groupName, groupsInput, labelKey, labelsInput } from '../device-input.js';
import type { DeviceRow } from '../device-rows.js';
import { Devices } from '../devices.service.js';
import { removeDevice } from '../remove-device/remove-device.js';

/** One transaction holds them all. */
const maxDevices = 1_000;
const askedAtOnce = 32;

const groupChange = z.strictObject({ add: groupsInput.default([]), remove: groupsInput.default([]) });
const bulk = defineRoute({
  method: 'POST',
  path: '/api/v1/devices/bulk',
  summary: 'Changes or removes every device that a selector means: all of them, or none',
  access: decidedInside,
  body: z.strictObject({
    selector: z
      .strictObject({
        labels: labelsInput.optional(),
        groups: z.array(groupName).max(32).optional(),
        ids: z.array(z.uuid()).max(maxDevices).optional(),
      })
      .refine(
        ({ labels, groups, ids }) => Object.keys(labels ?? {}).length > 0 || !!groups?.length || ids !== undefined,
        'names nothing: every device is never meant by saying nothing',
      ),
    change: z
      .strictObject({
        labels: z
          .strictObject({ set: labelsInput.default({}), remove: z.array(labelKey).max(32).default([]) })
          .optional(),
        groups: groupChange.optional(),
        remove: z.literal(true).optional(),
      })
      .refine((change) => Object.values(change).filter((one) => one !== undefined).length === 1, 'is one change'),
    dryRun: z.boolean().default(false).describe('Only say which devices would change'),
  }),
  problems: ['forbidden', 'conflict'],
});

type Change = InputOf<typeof bulk>['body']['change'];

@Controller()
export class BulkController {
  constructor(
    @Inject(Devices) private readonly devices: Devices,
    @Inject(Permission) private readonly permission: Permission,
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
  ) {}

  @Route(bulk)
  async bulk(@Input() { body }: InputOf<typeof bulk>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const rows = await this.#selected(caller.tenantId, body.selector);
    const asker = { caller, request };
    const actions: DeviceActionName[] = body.change.groups?.add.length
      ? ['device.manage', 'device.transfer']
      : ['device.manage'];
    const causes = await this.#allowed(asker, rows, actions);
    if (!body.dryRun) {
      const context = commandContext(request, caller, Date.now());
      await refusing(() => this.#change(rows, decideFor(body.change), context, causes));
    }
    return { devices: rows.map(({ deviceId, name }) => ({ id: deviceId, name })), dryRun: body.dryRun };
  }

  async #selected(tenantId: string, { labels, groups, ids }: InputOf<typeof bulk>['body']['selector']) {
    const rows = await this.devices.select(
      tenantId,
      `d.labels @> $2::jsonb and ($3::text[] is null or d.groups && $3) and ($4::uuid[] is null or d.device_id = any($4))
       order by lower(d.name) limit ${maxDevices + 1}`,
      [JSON.stringify(labels ?? {}), groups ?? null, ids ?? null],
    );
    if (rows.length <= maxDevices) return rows;
    throw new ProblemError('validation_failed', `More than ${maxDevices} devices are meant: select fewer at once`);
  }

  /** Every decision comes before the first change: one that is denied leaves all of them as they are. */
  async #allowed(asker: Asker, rows: readonly DeviceRow[], actions: readonly DeviceActionName[]) {
    const causes = new Map<string, string | undefined>();
    for (let at = 0; at < rows.length; at += askedAtOnce) {
      const part = rows.slice(at, at + askedAtOnce);
      const asked = part.flatMap(({ deviceId }) => actions.map((action) => ({ deviceId, action })));
      const answers = await Promise.all(
        asked.map(({ deviceId, action }) => this.permission.ask(asker, action, deviceId)),
      );
      for (const [i, { deviceId, action }] of asked.entries()) {
        const answer = answers[i];
        if (!answer?.allowed) throw deniedBy(`${action} on device/${deviceId}`, answer?.decisionId);
        if (action === 'device.manage') causes.set(deviceId, answer.decisionId);
      }
    }
    return causes;
  }

  #change(
    rows: readonly DeviceRow[],
    decide: (device: Device) => readonly NewEvent[],
    context: CommandContext,
    causes: ReadonlyMap<string, string | undefined>,
  ): Promise<void> {
    return this.store.together(context.tenantId, async (log) => {
      for (const { deviceId } of rows) {
        const cause = causes.get(deviceId);
        await handle(log, deviceDecider, {
          streamId: deviceStream(deviceId),
          context: cause === undefined ? context : { ...context, causationId: cause },
          decide,
        });
      }
    }); // COMMIT POINT of all of them
  }
}

function decideFor({ labels, groups }: Change): (device: Device) => readonly NewEvent[] {
  if (labels) return changeLabels(labels);
  return groups ? changeGroups(groups) : removeDevice('removed');
}
