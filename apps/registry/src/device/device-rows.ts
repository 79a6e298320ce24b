import type { Entity } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';

export interface DeviceRow {
  readonly tenantId: string;
  readonly deviceId: string;
  readonly status: 'pending' | 'rejected' | 'approved' | 'removed';
  readonly revision: number;
  readonly requestId: string;
  readonly requestState: 'pending' | 'rejected' | 'approved';
  readonly requestedAt: Date;
  readonly rejection: string | null;
  readonly fingerprint: string;
  readonly identityKey: string;
  readonly sessionKey: string;
  readonly keysSince: Date;
  readonly hostname: string;
  readonly platform: string;
  readonly architecture: string;
  readonly version: string;
  readonly name: string | null;
  readonly ownerType: string | null;
  readonly ownerId: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly groups: readonly string[];
  readonly record: boolean;
  readonly approveOnDevice: boolean;
  readonly approvedAt: Date | null;
}

export const deviceColumns = `d.tenant_id as "tenantId", d.device_id as "deviceId", d.status, d.revision,
  d.request_id as "requestId", d.request_state as "requestState", d.requested_at as "requestedAt", d.rejection,
  d.fingerprint, d.identity_key as "identityKey", d.session_key as "sessionKey", d.keys_since as "keysSince", d.hostname,
  d.platform, d.architecture, d.version, d.name, d.owner_type as "ownerType", d.owner_id as "ownerId", d.labels, d.groups,
  d.record, d.approve_on_device as "approveOnDevice", d.approved_at as "approvedAt"`;

/** Devices that satisfy a condition, in no order. Row-level security shows a tenant its own only. */
export async function selectDevices(
  query: Query,
  where: string,
  values: readonly unknown[],
): Promise<readonly DeviceRow[]> {
  const { rows } = await query.query<DeviceRow>(`select ${deviceColumns} from devices d where ${where}`, [...values]);
  return rows;
}

/** With what is heard of it. */
export interface SeenRow extends DeviceRow {
  readonly presence: 'online' | 'offline' | null;
  readonly presenceSince: Date | null;
  readonly reportedAt: Date | null;
}

const seen = `p.status as presence, p.since as "presenceSince", r.reported_at as "reportedAt"`;

/** The same with what is heard of them; `where` may end with an order and a limit. */
export async function selectSeen(query: Query, where: string, values: readonly unknown[]): Promise<readonly SeenRow[]> {
  const { rows } = await query.query<SeenRow>(
    `select ${deviceColumns}, ${seen} from devices d
     left join device_presence p on p.tenant_id = d.tenant_id and p.device_id = d.device_id
     left join device_reports r on r.tenant_id = d.tenant_id and r.device_id = d.device_id
     where ${where}`,
    [...values],
  );
  return rows;
}

export const ownerOf = ({ ownerType, ownerId }: DeviceRow): Entity | null =>
  ownerType !== null && ownerId !== null ? { type: ownerType, id: ownerId } : null;
