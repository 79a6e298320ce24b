import type { DeviceKeys, Entity } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { Refusal } from '../../refusal.js';
import type { ApprovedDevice, Device, Settings } from '../device.js';

export interface LabelChange {
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

export interface GroupChange {
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

const maxLabels = 32;
const maxGroups = 32;

/** Only an approved device can be changed. */
const ofApproved =
  (decide: (device: ApprovedDevice) => readonly NewEvent[]) =>
  (device: Device): readonly NewEvent[] => {
    if (device.status !== 'approved') throw new Refusal('not_found');
    return decide(device);
  };

const event = (type: string, data: object): readonly NewEvent[] => [{ type, version: 1, data }];

export interface DeviceChange {
  readonly name?: string | undefined;
  readonly owner?: Entity | undefined;
  readonly settings?: { readonly [K in keyof Settings]?: boolean | undefined } | undefined;
}

/** What is as it is already makes no event. */
export const changeDevice = ({ name, owner, settings }: DeviceChange) =>
  ofApproved((device) => {
    const { deviceId } = device;
    const wanted = {
      record: settings?.record ?? device.settings.record,
      approveOnDevice: settings?.approveOnDevice ?? device.settings.approveOnDevice,
    };
    const isSame = (a: Entity, b: Entity) => a.type === b.type && a.id === b.id;
    return [
      ...(name === undefined || name === device.name ? [] : event('device.renamed', { deviceId, name })),
      ...(owner === undefined || isSame(owner, device.owner) ? [] : event('device.moved', { deviceId, owner })),
      ...(wanted.record === device.settings.record && wanted.approveOnDevice === device.settings.approveOnDevice
        ? []
        : event('device.settings_changed', { deviceId, ...wanted })),
    ];
  });

const sorted = (labels: Readonly<Record<string, string>>): string =>
  JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));

/** These labels and no others. */
export const putLabels = (labels: Readonly<Record<string, string>>) =>
  ofApproved((device) =>
    sorted(labels) === sorted(device.labels) ? [] : event('device.labelled', { deviceId: device.deviceId, labels }),
  );

export const changeLabels =
  ({ set, remove }: LabelChange) =>
  (device: Device): readonly NewEvent[] => {
    if (device.status !== 'approved') throw new Refusal('not_found');
    const kept = Object.entries(device.labels).filter(([name]) => !remove.includes(name));
    const labels = { ...Object.fromEntries(kept), ...set };
    if (Object.keys(labels).length > maxLabels)
      throw new Refusal('conflict', `A device has at most ${maxLabels} labels`);
    return putLabels(labels)(device);
  };

export const changeGroups = ({ add, remove }: GroupChange) =>
  ofApproved((device) => {
    const groups = [...new Set([...device.groups, ...add])].filter((group) => !remove.includes(group)).sort();
    if (groups.length > maxGroups) throw new Refusal('conflict', `A device is in at most ${maxGroups} groups`);
    const isSame = JSON.stringify(groups) === JSON.stringify([...device.groups].sort());
    return isSame ? [] : event('device.grouped', { deviceId: device.deviceId, groups });
  });

/** From now on these are the device's keys. */
export const rotateKeys = (keys: DeviceKeys) =>
  ofApproved((device) =>
    device.keys.identity === keys.identity && device.keys.session === keys.session
      ? []
      : event('device.keys.rotated', { deviceId: device.deviceId, keys }),
  );

export const moveDevice = (owner: Entity) => changeDevice({ owner });
