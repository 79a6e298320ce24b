import { type DeviceRow, ownerOf, type SeenRow } from './device-rows.js';

/** A device as whoever may read it is told. */
export const deviceView = (row: SeenRow) => ({
  id: row.deviceId,
  name: row.name,
  status: row.presence ?? 'offline',
  owner: ownerOf(row),
  labels: row.labels,
  groups: row.groups,
  settings: { record: row.record, approveOnDevice: row.approveOnDevice },
  fingerprint: row.fingerprint,
  description: descriptionOf(row),
  lastSeenAt: lastOf(row.reportedAt, row.presence === 'offline' ? row.presenceSince : null)?.toISOString() ?? null,
  approvedAt: row.approvedAt?.toISOString() ?? null,
  keysSince: row.keysSince.toISOString(),
  revision: row.revision,
});

export const descriptionOf = ({ hostname, platform, architecture, version }: DeviceRow) => ({
  hostname,
  platform,
  architecture,
  version,
});

/** A heartbeat, or the end of a tunnel, whichever came later. */
const lastOf = (a: Date | null, b: Date | null): Date | null => (a && b ? (a > b ? a : b) : (a ?? b));
