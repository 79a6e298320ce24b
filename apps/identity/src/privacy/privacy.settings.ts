import { setting } from '@gatehouse/config';

export const privacySettings = {
  EXPORT_LIFETIME_HOURS: setting
    .integer('How long the archive of an export can be read', { min: 1, max: 720 })
    .default(168),
  EXPORT_MAX_MB: setting
    .integer('How large the archive of one person may become', { min: 1, max: 4_000 })
    .default(1_024),
  ERASURE_GRACE_HOURS: setting
    .integer('How long an erasure that a person asked for herself waits, and can be cancelled', { min: 0, max: 8_760 })
    .default(72),
} as const;
