import { z } from 'zod';

/** What an alert can be about; identity's table of kinds says what each watches. */
export const alertKind = z.enum([
  'refused_key',
  'unknown_callers',
  'denied_principal',
  'rotated_key_used',
  'failed_sign_ins',
  'new_network',
  'new_country',
  'failed_unwrap',
  'alert_storm',
]);
export type AlertKind = z.infer<typeof alertKind>;

/** `key/<id>`, `user/<id>`, `service/<name>`, `tenant/<id>`, `installation/gatehouse`. */
export const alertSubject = z.object({ type: z.string().max(64), id: z.string().max(256) });
export type AlertSubject = z.infer<typeof alertSubject>;

const totals = { count: z.int().min(1), firstAt: z.iso.datetime(), lastAt: z.iso.datetime() };

/**
 * An incident begins, in the stream `alert:<alertId>`. `place` is the network or country of a service; that of a person
 * is the sealed field `place`.
 */
export const alertRaised = z.object({
  alertId: z.uuid(),
  kind: alertKind,
  subject: alertSubject,
  threshold: z.int(),
  windowSeconds: z.int(),
  ...totals,
  place: z.string().optional(),
});
export type AlertRaised = z.infer<typeof alertRaised>;

/** Nothing more of it was seen for a while; the totals are those of the whole incident. */
export const alertResolved = z.object({ alertId: z.uuid(), kind: alertKind, subject: alertSubject, ...totals });
export type AlertResolved = z.infer<typeof alertResolved>;

export const alertAcknowledged = z.object({ alertId: z.uuid() });
export type AlertAcknowledged = z.infer<typeof alertAcknowledged>;

/** When one kind of alert is raised, and after how much silence it is over. */
export const alertRule = z.strictObject({
  enabled: z.boolean(),
  threshold: z.int().min(1).max(1_000_000),
  windowSeconds: z.int().min(1).max(86_400),
  quietSeconds: z.int().min(1).max(604_800),
});
export type AlertRule = z.infer<typeof alertRule>;

/** The whole of a tenant's settings as they are from now on; a kind that is absent keeps its defaults. */
export const alertSettingsChanged = z.strictObject({
  rules: z.partialRecord(alertKind, alertRule),
  /** Days from a key's first use in which new places are learnt and not told. */
  learningDays: z.int().min(0).max(90),
  /** Whether channels hear of the end of an incident, too. */
  notifyResolved: z.boolean(),
});
export type AlertSettingsChanged = z.infer<typeof alertSettingsChanged>;

/** Where alerts are sent; address and secret of a webhook are in no event. */
export const alertChannelCreated = z.object({
  channelId: z.uuid(),
  kind: z.enum(['webhook', 'email']),
  name: z.string(),
  /** The member of the tenant that letters go to. */
  userId: z.uuid().optional(),
});
export type AlertChannelCreated = z.infer<typeof alertChannelCreated>;

export const alertChannelSecretRotated = z.object({ channelId: z.uuid() });
export type AlertChannelSecretRotated = z.infer<typeof alertChannelSecretRotated>;

export const alertChannelRemoved = z.object({ channelId: z.uuid() });
export type AlertChannelRemoved = z.infer<typeof alertChannelRemoved>;

export const alertEvents = {
  'alert.raised': alertRaised,
  'alert.resolved': alertResolved,
  'alert.acknowledged': alertAcknowledged,
  'alert_settings.changed': alertSettingsChanged,
  'alert_channel.created': alertChannelCreated,
  'alert_channel.secret_rotated': alertChannelSecretRotated,
  'alert_channel.removed': alertChannelRemoved,
} as const;
