import { setting } from '@gatehouse/config';

export const alertSettings = {
  GEOIP_DATABASE: setting
    .text('MaxMind database file with countries of addresses; without it only networks are told apart')
    .optional(),
  WEBHOOK_TARGETS: setting
    .choice('Where alerts may be sent: public addresses over https, or anywhere, for development', ['public', 'any'])
    .default('public'),
  WEBHOOK_RETRY_MS: setting
    .integer('Wait before a failed delivery is tried again; it doubles up to an hour', { min: 100, max: 3_600_000 })
    .default(5_000),
} as const;
