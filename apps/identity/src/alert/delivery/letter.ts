import type { AlertKind, AlertSubject } from '@gatehouse/contracts';
import { alertKinds } from '../kinds.js';

interface Body {
  readonly type: string;
  readonly data: {
    readonly tenantId: string;
    readonly alertId?: string;
    readonly kind?: AlertKind;
    readonly subject?: AlertSubject;
    readonly count?: number;
    readonly firstAt?: string;
    readonly lastAt?: string;
  };
}

/** The letter that tells what a webhook's body tells. */
export function letterOf(body: string): { readonly title: string; readonly text: string } {
  const { type, data } = JSON.parse(body) as Body;
  const { tenantId, alertId, kind, subject, count, firstAt, lastAt } = data;
  if (kind === undefined || subject === undefined)
    return { title: `Test of alerts of ${tenantId}`, text: `Alerts of ${tenantId} reach you at this address.\n` };
  const prefix = type === 'alert.resolved' ? 'Over: ' : '';
  const lines = [
    `${prefix}${alertKinds[kind].title}.`,
    '',
    `Tenant: ${tenantId}`,
    `About: ${subject.type}/${subject.id}`,
    `Seen: ${count} times, from ${firstAt} to ${lastAt}`,
    `Alert: ${alertId}`,
    '',
    'You get one letter per incident. Who may change alerts can change their thresholds and channels.',
  ];
  return { title: `${prefix}${alertKinds[kind].title} (${tenantId})`, text: `${lines.join('\n')}\n` };
}
