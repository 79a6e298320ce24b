import type { Row } from '../../report.js';
import type { Found, Measured } from './measure.js';

/** What was found, of which some may not be there to be measured on this machine. */
export interface Results {
  readonly ours: Readonly<Record<'quic' | 'tls', { readonly measured: Measured; readonly exec: Found }>>;
  readonly direct: Readonly<Record<'quic' | 'tls', Measured>>;
  /** The same, sealed end to end as sessions are: what it takes more through the relay, the relay adds. */
  readonly sealed: Readonly<Record<'quic' | 'tls', Measured>>;
  /** Our carriers, joined by what does nothing else. */
  readonly carried: Readonly<Record<'quic' | 'tls', Measured>>;
  /** Ours, and quiche in a loop of its own, both with datagrams of this size. */
  readonly sized: readonly { readonly datagram: number; readonly ours: Measured; readonly raw: Measured }[];
  readonly classes: Measured;
  readonly ssh: Measured | undefined;
  readonly chisel: Measured | undefined;
}

const mbOf = ({ bulk }: Measured, streams: number): number => bulk.get(streams)?.mbPerSecond ?? 0;
const verdict = (name: string, isMet: boolean, found: string): Row => ({
  name: `target: ${name}`,
  value: `${isMet ? 'met' : 'NOT met'}  ${found}`,
});

function atLeast(name: string, least: number, ours: Measured, other: Measured | undefined, counts: readonly number[]) {
  if (!other) return [{ name: `target: ${name}`, value: 'not measured: it is not on this machine' }];
  return counts.map((streams) => {
    const ratio = mbOf(ours, streams) / mbOf(other, streams);
    return verdict(`${name}, ${streams} streams`, ratio >= least, ratio.toFixed(2));
  });
}

/** Undefined: one of them did not finish. */
const addedMs = (rtt: Measured['rtt'], without: Measured['rtt']): number | undefined =>
  rtt && without && rtt.p50 - without.p50;

/** Whether each target of the project for bytes through the relay is met by this run. */
export function targetRows({ ours, direct, sealed, carried, sized, classes, ssh, chisel }: Results): Row[] {
  const added = (['quic', 'tls'] as const).flatMap((kind) => {
    const { rtt } = ours[kind].measured;
    const [byRelay, bySeal] = [addedMs(rtt, sealed[kind].rtt), addedMs(sealed[kind].rtt, direct[kind].rtt)];
    const [hop, whole] = [addedMs(carried[kind].rtt, direct[kind].rtt), addedMs(rtt, direct[kind].rtt)];
    const told = (ms: number | undefined) => (ms === undefined ? 'did not finish' : `${ms.toFixed(2)} ms`);
    const of = (what: string, ms: number | undefined, parts = '') =>
      verdict(`p50 added over ${kind} ${what} < 0.3 ms`, ms !== undefined && ms < 0.3, `${told(ms)}${parts}`);
    return [
      of('by the relay', byRelay, `; one more hop of its carrier alone ${told(hop)}`),
      of('by relay and seal together', whole, `; the seal alone ${told(bySeal)}`),
    ];
  });
  const warm = (['quic', 'tls'] as const).map((kind) =>
    verdict(`exec over ${kind} p50 < 50 ms`, ours[kind].exec.p50 < 50, `${ours[kind].exec.p50.toFixed(1)} ms`),
  );
  return [
    ...sized.flatMap(({ datagram, ours: mine, raw }) =>
      atLeast(`QUIC >= 0.6 of quiche alone through a relay, ${datagram} B`, 0.6, mine, raw, [1, 100]),
    ),
    ...atLeast('QUIC >= 30 times the classes', 30, ours.quic.measured, classes, [1, 100]),
    ...atLeast('TLS >= chisel', 1, ours.tls.measured, chisel, [1, 10, 100]),
    ...atLeast('TLS >= 0.4 of ssh -R', 0.4, ours.tls.measured, ssh, [1, 10, 100]),
    ...added,
    ...warm,
  ];
}
