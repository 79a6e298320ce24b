import type { AlertKind, AlertRule, AlertSettingsChanged } from '@gatehouse/contracts';

export type AlertSettings = AlertSettingsChanged;

interface Kind {
  readonly title: string;
  readonly rule: AlertRule;
}

const rule = (threshold: number, windowSeconds: number, quietSeconds: number): AlertRule => ({
  enabled: true,
  threshold,
  windowSeconds,
  quietSeconds,
});

const minute = 60;
const hour = 3_600;

/** Every kind of alert: what it tells people, and when it is raised unless the tenant says otherwise. */
export const alertKinds: Readonly<Record<AlertKind, Kind>> = {
  refused_key: { title: 'A key that does not work is tried again and again', rule: rule(20, minute, 10 * minute) },
  unknown_callers: { title: 'Many calls with credentials nobody knows', rule: rule(100, minute, 10 * minute) },
  denied_principal: { title: 'Somebody tries what he may not do', rule: rule(20, minute, 10 * minute) },
  rotated_key_used: { title: 'The old text of a rotated key is still used', rule: rule(1, minute, hour) },
  failed_sign_ins: { title: 'Many failed sign-ins to one account', rule: rule(8, 5 * minute, 10 * minute) },
  new_network: { title: 'A key is used from a new network', rule: rule(1, minute, hour) },
  new_country: { title: 'A key is used from a new country', rule: rule(1, minute, hour) },
  failed_unwrap: { title: 'A wrapped answer was opened before who came for it', rule: rule(1, minute, hour) },
  alert_storm: { title: 'More incidents at once than are told one by one', rule: rule(1, minute, hour) },
};

export const defaultSettings: AlertSettings = { rules: {}, learningDays: 7, notifyResolved: false };

export const ruleOf = ({ rules }: AlertSettings, kind: AlertKind): AlertRule => rules[kind] ?? alertKinds[kind].rule;

/** Open incidents of one tenant; what comes on top is one more incident, the storm. */
export const maxOpenIncidents = 50;
