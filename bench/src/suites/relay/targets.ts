import type { Row } from '../../report.js';
import type { Found, Measured } from './measure.js';

/** What was found, of which some may not be there to be measured on this machine. */
export interface Results {
  readonly ours: Readonly<Record<'quic' | 'tls', { readonly measured: Measured; readonly exec: Found }>>;
  readonly direct: Readonly<Record<'quic' | 'tls', Measured>>;
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
export function targetRows({ ours, direct, carried, sized, classes, ssh, chisel }: Results): Row[] {
  const added = (['quic', 'tls'] as const).map((kind) => {
    const name = `p50 added to a connection of ${kind} without relay and seal < 0.3 ms`;
    const [whole, hop] = [ours[kind].measured, carried[kind]].map(({ rtt }) => addedMs(rtt, direct[kind].rtt));
    if (whole === undefined || hop === undefined) return verdict(name, false, 'did not finish');
    return verdict(name, whole < 0.3, `${whole.toFixed(2)} ms, of which one more hop of its carrier ${hop.toFixed(2)}`);
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
