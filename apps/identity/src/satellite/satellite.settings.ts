import { setting } from '@gatehouse/config';

export const satelliteSettings = {
  GUEST_TOKENS: setting
    .choice('Whether anybody gets tokens for audiences that allow guests', ['off', 'on'])
    .default('off'),
} as const;
