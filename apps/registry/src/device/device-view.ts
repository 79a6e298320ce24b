import { type DeviceRow, ownerOf } from './device-rows.js';

/** A device as whoever may read it is told. */
export const deviceView = (row: DeviceRow) => ({
  id: row.deviceId,
  name: row.name,
  status: row.status,
  owner: ownerOf(row),
  labels: row.labels,
  groups: row.groups,
  settings: { record: row.record, approveOnDevice: row.approveOnDevice },
  fingerprint: row.fingerprint,
  hostname: row.hostname,
  platform: row.platform,
  architecture: row.architecture,
  version: row.version,
  approvedAt: row.approvedAt?.toISOString() ?? null,
  keysSince: row.keysSince.toISOString(),
  revision: row.revision,
});
