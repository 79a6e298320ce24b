import type { CallerDirectory } from '@gatehouse/authn';
import type { OutboxRelay } from '@gatehouse/event-store';
import type { Inbox, ProjectionRunner } from '@gatehouse/projection';
import { gauge, observedCounter } from '@gatehouse/telemetry';
import type { BusLink } from './bus-link.js';

export interface Measured {
  readonly bus: BusLink;
  readonly callers: CallerDirectory;
  readonly outbox: OutboxRelay;
  readonly observations: { readonly dropped: number };
  readonly runners: readonly ProjectionRunner[];
  readonly inboxes: readonly Inbox[];
}

/** The figures an operator watches on every service. Answers the function that takes them back. */
export function registerPlatformMetrics(platform: Measured): () => void {
  const removals = [
    gauge('gatehouse_bus_connected', 'Whether NATS is connected', () => (platform.bus.problem ? 0 : 1)),
    gauge('gatehouse_keys_known', 'Keys in memory', () => platform.callers.size),
    observedCounter(
      'gatehouse_observations_dropped_total',
      'Uses and refusals that had no room',
      () => platform.observations.dropped,
    ),
    gauge('gatehouse_outbox_active', 'Whether this replica publishes the log', () => (platform.outbox.active ? 1 : 0)),
    gauge('gatehouse_outbox_failures', 'Failed publishes in a row', () => platform.outbox.state.failures),
    observedCounter('gatehouse_outbox_published_total', 'Events published', () => platform.outbox.state.published),
    gauge('gatehouse_projection_parked', 'Events parked since start', () => [
      ...platform.runners.map((runner) => ({ value: runner.state.parked, labels: { projection: runner.name } })),
      ...platform.inboxes.map((inbox) => ({ value: inbox.state.parked, labels: { projection: inbox.name } })),
    ]),
    observedCounter('gatehouse_events_applied_total', 'Events applied from the bus', () =>
      platform.inboxes.map((inbox) => ({ value: inbox.state.applied, labels: { consumer: inbox.name } })),
    ),
    gauge('gatehouse_consumer_gap', 'Whether events before a message are missing', () =>
      platform.inboxes.map((inbox) => ({ value: inbox.gaps.length, labels: { consumer: inbox.name } })),
    ),
  ];
  return () => {
    for (const remove of removals) remove();
  };
}
