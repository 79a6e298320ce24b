import { setting } from '@gatehouse/config';

export const tenancySettings = {
  INVITATIONS_PER_DAY: setting
    .integer('Invitations one tenant may send in 24 hours', { min: 1, max: 100_000 })
    .default(200),
  ORGANIZATIONS_PER_PERSON: setting.integer('Organizations one person may own', { min: 0, max: 10_000 }).default(50),
} as const;
