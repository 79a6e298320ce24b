import type { Client, Query } from '../client.js';
import { usageFailure } from '../failure.js';
import type { Output } from '../output/output.js';
import { formatReference, type Reference } from '../reference.js';

export const devicesPath = '/api/v1/devices';

/** A device as the registry shows it. */
export interface Device {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly owner: Reference;
  readonly fingerprint: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly groups: readonly string[];
  readonly description?: Partial<DeviceDescription>;
  readonly settings?: { readonly record: boolean; readonly approveOnDevice: boolean };
  readonly approvedAt?: string;
  readonly lastSeenAt?: string | null;
}

export interface DeviceDescription {
  readonly hostname: string;
  readonly platform: string;
  readonly architecture: string;
  readonly version: string;
}

/** Somebody's machine that asks to be let in. */
export interface Registration {
  readonly requestId: string;
  readonly deviceId: string;
  readonly state: string;
  readonly fingerprint: string;
  readonly description?: Partial<DeviceDescription>;
  readonly addresses?: readonly string[];
  readonly requestedAt: string;
}

/** One change of whether a device is there, newest first. */
export interface StatusChange {
  readonly status: string;
  readonly at: string;
  readonly reason?: string | null;
}

/** A session on a device, as the relays told of it. */
export interface DeviceSession {
  readonly sessionId: string;
  readonly deviceId: string;
  readonly deviceName?: string;
  readonly subject: Reference;
  readonly kind: string;
  readonly detail?: string | null;
  readonly decisions?: readonly string[];
  readonly status: string;
  readonly startedAt?: string | null;
  readonly endedAt?: string | null;
  readonly reason?: string | null;
  /** With which words the device refused what was decided. */
  readonly refused?: readonly string[];
  readonly exit?: { readonly code: number | null; readonly signal: string | null } | null;
  readonly bytesIn?: number | null;
  readonly bytesOut?: number | null;
  readonly durationMs?: number | null;
  readonly source?: string | null;
  readonly recording?: Recording | null;
}

export interface Recording {
  readonly status: string;
  readonly chunkCount: number;
}

/** Fixed in the ledger as it was written. */
export interface RecordingChunk {
  readonly index: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** The address of a device, by id or by name. */
export const deviceUrl = (device: string, below = ''): string =>
  `${devicesPath}/${encodeURIComponent(checked(device))}${below}`;

/** Dots alone would be swallowed by an address. */
function checked(device: string): string {
  if (/^\.{0,2}$/.test(device)) throw usageFailure(`"${device}" is no name of a device`);
  return device;
}

export const readDevice = (client: Client, device: string): Promise<Device> => client.get<Device>(deviceUrl(device));

/** Page after page: a name is found wherever it stands. */
export async function allPages<T>(client: Client, path: string, member: string, query: Query = {}): Promise<T[]> {
  const found: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.get<Record<string, unknown>>(path, { ...query, limit: 200, cursor });
    found.push(...((page[member] as T[] | undefined) ?? []));
    cursor = (page.nextCursor as string | null | undefined) ?? undefined;
  } while (cursor !== undefined);
  return found;
}

export const labelText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');

export const deviceFacts = (device: Device, output: Output): [string, string | undefined][] => [
  ['name', device.name],
  ['id', device.id],
  ['status', device.status],
  ['owner', formatReference(device.owner)],
  ['hostname', device.description?.hostname],
  ['platform', [device.description?.platform, device.description?.architecture].filter(Boolean).join(' ')],
  ['runtime', device.description?.version],
  ['labels', labelText(device.labels)],
  ['groups', device.groups.join(', ')],
  ['fingerprint', device.fingerprint],
  ['recorded', device.settings && (device.settings.record ? 'yes' : 'no')],
  ['approve on device', device.settings && (device.settings.approveOnDevice ? 'yes' : 'no')],
  ['approved', output.time(device.approvedAt)],
  ['last seen', output.time(device.lastSeenAt ?? undefined)],
];
