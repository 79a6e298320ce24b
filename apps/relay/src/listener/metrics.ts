import { gauge, observedCounter } from '@gatehouse/telemetry';
import type { Recheck } from '../recheck/recheck.js';
import type { OpenStreams } from '../session/open-streams.js';
import type { Sessions } from '../session/sessions.service.js';
import type { Tunnels } from '../tunnel/tunnels.service.js';
import type { Insistence } from '../wire/insistence.js';
import type { FrontDoor } from './front-door.js';

export interface Measured {
  readonly door: FrontDoor;
  readonly tunnels: Tunnels;
  readonly sessions: Sessions;
  readonly streams: OpenStreams;
  readonly recheck: Recheck;
  readonly insistence: Insistence;
}

/** The figures of a relay. Answers the function that takes them back. */
export function registerMetrics({ door, tunnels, sessions, streams, recheck, insistence }: Measured): () => void {
  const of = <T extends object>(counts: T, label: string) =>
    Object.entries(counts).map(([name, value]) => ({ value: Number(value), labels: { [label]: name } }));
  const removals = [
    gauge('gatehouse_relay_tunnels', 'Devices connected here', () => tunnels.size),
    gauge('gatehouse_relay_clients', 'Clients connected here', () => door.count('client')),
    gauge('gatehouse_relay_peers', 'Relays connected here', () => door.count('relay')),
    gauge('gatehouse_relay_sessions', 'Sessions served or waited for', () => sessions.size),
    gauge('gatehouse_relay_unrecorded', 'Ends that are being recorded', () => insistence.waiting),
    observedCounter('gatehouse_relay_unrecorded_dropped_total', 'Ends without room', () => insistence.dropped),
    observedCounter('gatehouse_relay_turned_away_total', 'Connections without room', () => door.turnedAway),
    observedCounter('gatehouse_relay_tunnel_events_total', 'What became of tunnels', () => of(tunnels.counts, 'event')),
    observedCounter(
      'gatehouse_relay_bytes_total',
      'Bytes carried in streams that are over',
      () => sessions.counts.bytes,
    ),
    observedCounter('gatehouse_relay_session_events_total', 'What became of sessions', () => {
      const { bytes: _, ...events } = sessions.counts;
      return of(events, 'event');
    }),
    observedCounter('gatehouse_relay_rechecks_total', 'Questions asked again', () => of(recheck.counts, 'event')),
    observedCounter('gatehouse_relay_streams_refused_total', 'Streams refused', () =>
      [...streams.refused].map(([code, value]) => ({ value, labels: { code } })),
    ),
  ];
  return () => {
    for (const remove of removals) remove();
  };
}
