import type { AlertKind, AlertRaised, AlertResolved, AlertSubject, Envelope } from '@gatehouse/contracts';
import type { Decider, NewEvent } from '@gatehouse/event-store';
import { Refusal } from '../refusal.js';

interface AlertFacts {
  readonly alertId: string;
  readonly kind: AlertKind;
  readonly subject: AlertSubject;
  readonly acknowledged: boolean;
}

export type Alert =
  | { readonly status: 'none' }
  | (AlertFacts & { readonly status: 'open' })
  | (AlertFacts & { readonly status: 'resolved' });

export type AlertRefusal = 'not_found';

export const alertStream = (alertId: string): string => `alert:${alertId}`;

function evolve(state: Alert, { type, data }: Envelope): Alert {
  if (type === 'alert.raised') {
    const { alertId, kind, subject } = data as AlertRaised;
    return { status: 'open', alertId, kind, subject, acknowledged: false };
  }
  if (state.status === 'none') return state;
  if (type === 'alert.resolved') return { ...state, status: 'resolved' };
  return type === 'alert.acknowledged' ? { ...state, acknowledged: true } : state;
}

export const alertDecider: Decider<Alert> = { initialState: { status: 'none' }, evolve };

/** The end of an incident that is open; of one that is over, nothing. */
export function resolveAlert(
  totals: Pick<AlertResolved, 'count' | 'firstAt' | 'lastAt'>,
  alert: Alert,
): readonly NewEvent[] {
  if (alert.status !== 'open') return [];
  const { alertId, kind, subject } = alert;
  return [{ type: 'alert.resolved', version: 1, data: { alertId, kind, subject, ...totals } satisfies AlertResolved }];
}

/** Somebody has seen it; the second time changes nothing. @throws Refusal `not_found` */
export function acknowledgeAlert(alert: Alert): readonly NewEvent[] {
  if (alert.status === 'none') throw new Refusal<AlertRefusal>('not_found');
  if (alert.acknowledged) return [];
  return [{ type: 'alert.acknowledged', version: 1, data: { alertId: alert.alertId } }];
}
