import type { ConfigView, MetadataView, SecretRead, VersionSummary, VersionView } from '../../secret/views.js';
import { durationText } from '../duration.js';

/** The current state of deletion: when it was or will be deleted, and an empty text for never. */
const deletionTimeOf = ({ deletedAt, expiresAt }: VersionSummary): string => deletedAt ?? expiresAt ?? '';

export const versionMetadata = (view: VersionView) => ({
  created_time: view.createdAt,
  custom_metadata: view.customMetadata,
  deletion_time: deletionTimeOf(view),
  destroyed: view.destroyed,
  version: view.version,
});

/** KV tells of a version without content by 404 with a body: what is known of it, and `data` null. */
export const versionAnswer = ({ data, ...view }: SecretRead) => ({
  data: { data, metadata: versionMetadata(view) },
  status: data === null ? 404 : 200,
});

export const metadataAnswer = (view: MetadataView) => ({
  cas_required: view.casRequired,
  created_time: view.createdAt,
  current_version: view.currentVersion,
  custom_metadata: view.customMetadata,
  delete_version_after: durationText(view.deleteVersionAfterSeconds),
  max_versions: view.maxVersions,
  oldest_version: view.oldestVersion,
  updated_time: view.updatedAt,
  versions: Object.fromEntries(
    Object.entries(view.versions).map(([version, one]) => [
      version,
      { created_time: one.createdAt, deletion_time: deletionTimeOf(one), destroyed: one.destroyed },
    ]),
  ),
});

export const configAnswer = (view: ConfigView) => ({
  cas_required: view.casRequired,
  delete_version_after: durationText(view.deleteVersionAfterSeconds),
  max_versions: view.maxVersions,
});
