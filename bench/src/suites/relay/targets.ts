import type { Row } from '../../report.js';
import type { Contender, Measured } from './contender.js';
import type { Kind } from './contenders.js';
import type { Found } from './measure.js';

/** What was measured in turns, of which some may not be there on this machine. */
export interface Results {
  readonly ours: Readonly<Record<Kind, Contender>>;
  readonly exec: Readonly<Record<Kind, Found>>;
  /** What a session takes more than `sealed`, the relay adds; what that takes more than `direct`, the seal. `joined`: a hop of its carrier alone. */
  readonly hops: Readonly<
    Record<Kind, { readonly direct: Contender; readonly sealed: Contender; readonly joined: Contender }>
  >;
  /** Ours, and quiche in a loop of its own, both with datagrams of this size. */
  readonly sized: readonly { readonly datagram: number; readonly ours: Contender; readonly raw: Contender }[];
  readonly classes: Contender;
  readonly ssh: Contender | undefined;
  readonly chisel: Contender | undefined;
}

const mbOf = ({ bulk }: Measured, streams: number): number => bulk.get(streams)?.mbPerSecond ?? 0;
const verdict = (name: string, isMet: boolean, found: string): Row => ({
  name: `target: ${name}`,
  value: `${isMet ? 'met' : 'NOT met'}  ${found}`,
});

function atLeast(
  name: string,
  least: number,
  ours: Contender,
  other: Contender | undefined,
  counts: readonly number[],
) {
  if (!other) return [{ name: `target: ${name}`, value: 'not measured: it is not on this machine' }];
  const [mine, theirs] = [ours.measured, other.measured];
  return counts.map((streams) => {
    const ratio = mbOf(mine, streams) / mbOf(theirs, streams);
    return verdict(`${name}, ${streams} streams`, ratio >= least, ratio.toFixed(2));
  });
}

/** Undefined: one of them did not finish. */
function addedMs(of: Contender, without: Contender): number | undefined {
  const [rtt, less] = [of.measured.rtt, without.measured.rtt];
  return rtt && less && rtt.p50 - less.p50;
}

/** Whether each target of the project for bytes through the relay is met by this run. */
export function targetRows({ ours, exec, hops, sized, classes, ssh, chisel }: Results): Row[] {
  const kinds = ['quic', 'tls'] as const;
  const added = kinds.flatMap((kind) => {
    const { direct, sealed, joined } = hops[kind];
    const told = (ms: number | undefined) => (ms === undefined ? 'did not finish' : `${ms.toFixed(2)} ms`);
    const of = (what: string, ms: number | undefined, parts: string) =>
      verdict(`p50 added over ${kind} ${what} < 0.3 ms`, ms !== undefined && ms < 0.3, `${told(ms)}${parts}`);
    return [
      of(
        'by the relay',
        addedMs(ours[kind], sealed),
        `; one more hop of its carrier alone ${told(addedMs(joined, direct))}`,
      ),
      of(
        'by relay and seal together',
        addedMs(ours[kind], direct),
        `; the seal alone ${told(addedMs(sealed, direct))}`,
      ),
    ];
  });
  const warm = kinds.map((kind) =>
    verdict(`exec over ${kind} p50 < 50 ms`, exec[kind].p50 < 50, `${exec[kind].p50.toFixed(1)} ms`),
  );
  return [
    ...sized.flatMap(({ datagram, ours: mine, raw }) =>
      atLeast(`QUIC >= 0.6 of quiche alone through a relay, ${datagram} B`, 0.6, mine, raw, [1, 100]),
    ),
    ...atLeast('QUIC >= 30 times the classes', 30, ours.quic, classes, [1, 100]),
    ...atLeast('TLS >= chisel', 1, ours.tls, chisel, [1, 10, 100]),
    ...atLeast('TLS >= 0.4 of ssh -R', 0.4, ours.tls, ssh, [1, 10, 100]),
    ...added,
    ...warm,
  ];
}
