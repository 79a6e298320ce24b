import { setting } from '@gatehouse/config';
import { platformSettings } from '@gatehouse/service';

export const policySettings = platformSettings.extend({
  PUBLIC_URL: setting.url('The address under which clients reach Gatehouse').default('https://localhost:8443'),
  METADATA_KEY_FILE: setting
    .text('File with the Ed25519 key that signs the AuthZEN metadata; made at the first start')
    .optional(),
  DECISION_WRITERS: setting.integer('Batches of decisions written at once', { min: 1, max: 8 }).default(2),
  DECISION_QUEUE: setting.integer('Decisions waiting to be written, at most', { min: 16, max: 100_000 }).default(8_192),
  PAST_EVENTS: setting
    .integer('Events of the past in memory, of all tenants that were asked about, at most', {
      min: 1_000,
      max: 100_000_000,
    })
    .default(1_000_000),
});
