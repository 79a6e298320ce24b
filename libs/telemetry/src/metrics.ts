/** Labels of one series. Keep their values few: route patterns and outcomes, never ids, addresses or texts. */
export type Labels = Readonly<Record<string, string | number | boolean>>;

/** One series of a counter, held by the caller: adding is an addition, without any look-up. */
export interface CounterSeries {
  add(amount?: number): void;
}

export interface Counter extends CounterSeries {
  /** The series for these labels; look it up once where the path is hot. */
  labels(labels: Labels): CounterSeries;
}

export interface HistogramSeries {
  record(value: number): void;
}

export interface Histogram extends HistogramSeries {
  labels(labels: Labels): HistogramSeries;
}

/** What a gauge's callback returns: one number, or one per label set. */
export type Reading = number | readonly { readonly value: number; readonly labels: Labels }[];

/** A registered instrument, as the exporter sees it. */
export type Instrument =
  | {
      readonly kind: 'counter';
      readonly name: string;
      readonly help: string;
      readonly series: SeriesTable<CounterCell>;
    }
  | {
      readonly kind: 'histogram';
      readonly name: string;
      readonly help: string;
      readonly series: SeriesTable<HistogramCell>;
    }
  | {
      readonly kind: 'gauge' | 'observed counter';
      readonly name: string;
      readonly help: string;
      readonly read: () => Reading;
    };

/** Bound of one instrument; beyond it everything is counted in one series labelled as OpenTelemetry names it. */
export const MAX_SERIES = 1000;
const OVERFLOW: Labels = { 'otel.metric.overflow': true };

/** Upper bounds in seconds, from a memory look-up to a slow request. */
export const DURATION_BUCKETS_SECONDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

export class CounterCell implements CounterSeries {
  value = 0;

  constructor(readonly labels: Labels) {}

  add(amount = 1): void {
    if (amount >= 0) this.value += amount;
  }
}

export class HistogramCell implements HistogramSeries {
  readonly counts: number[];
  count = 0;
  sum = 0;

  constructor(
    readonly labels: Labels,
    readonly bounds: readonly number[],
  ) {
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  record(value: number): void {
    if (!(value >= 0)) return;
    let bucket = 0;
    while (bucket < this.bounds.length && value > (this.bounds[bucket] as number)) bucket++;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.count++;
    this.sum += value;
  }
}

/** The series of one instrument by their labels. */
export class SeriesTable<C> {
  private readonly cells = new Map<string, C>();

  constructor(private readonly create: (labels: Labels) => C) {}

  get(labels: Labels): C {
    const id = seriesId(labels);
    const known = this.cells.get(id);
    if (known !== undefined) return known;
    if (this.cells.size >= MAX_SERIES && labels !== OVERFLOW) return this.get(OVERFLOW);
    const cell = this.create(labels);
    this.cells.set(id, cell);
    return cell;
  }

  all(): Iterable<C> {
    return this.cells.values();
  }
}

function seriesId(labels: Labels): string {
  let id = '';
  for (const name of Object.keys(labels).sort()) id += `${name}\u0000${labels[name]}\u0000`;
  return id;
}

/** All instruments of the process. Owner: this file; the exporter only reads. */
const instruments = new Map<string, Instrument>();

export function allInstruments(): Iterable<Instrument> {
  return instruments.values();
}

/** The same name gives the same instrument, so that two modules may share one; another kind is a mistake. */
function register<K extends Instrument['kind']>(
  kind: K,
  name: string,
  create: () => Instrument,
): Instrument & { kind: K } {
  if (!/^[a-z][a-z0-9_]{0,127}$/.test(name)) throw new Error(`metric name "${name}" is not [a-z][a-z0-9_]*`);
  const known = instruments.get(name);
  if (known !== undefined && known.kind !== kind) throw new Error(`metric "${name}" is already a ${known.kind}`);
  const instrument = known ?? create();
  instruments.set(name, instrument);
  return instrument as Instrument & { kind: K };
}

/**
 * A number that only grows. The exposed name ends in `_total`.
 *
 * @example
 * const allowed = counter('decisions', 'Decisions answered').labels({ outcome: 'allow' });
 * allowed.add();
 */
export function counter(name: string, help: string): Counter {
  const create = (labels: Labels) => new CounterCell(labels);
  const { series } = register('counter', name, () => ({
    kind: 'counter',
    name,
    help,
    series: new SeriesTable(create),
  }));
  let plain: CounterCell | undefined;
  return {
    labels: (labels) => series.get(labels),
    add: (amount) => {
      plain ??= series.get({});
      plain.add(amount);
    },
  };
}

/**
 * A distribution, in seconds or bytes (say which in the name). Negative values and NaN are dropped.
 *
 * @param buckets ascending upper bounds, {@link DURATION_BUCKETS_SECONDS} unless given
 * @example histogram('commit_seconds', 'Time of one group commit').record(0.004)
 */
export function histogram(
  name: string,
  help: string,
  buckets: readonly number[] = DURATION_BUCKETS_SECONDS,
): Histogram {
  const create = (labels: Labels) => new HistogramCell(labels, buckets);
  const { series } = register('histogram', name, () => ({
    kind: 'histogram',
    name,
    help,
    series: new SeriesTable(create),
  }));
  let plain: HistogramCell | undefined;
  return {
    labels: (labels) => series.get(labels),
    record: (value) => {
      plain ??= series.get({});
      plain.record(value);
    },
  };
}

/**
 * A value read when metrics are asked for, from memory: the callback may not wait for anything. A second gauge of the same name replaces the first: the newest owner speaks.
 *
 * @returns a function that removes it
 * @example const remove = gauge('outbox_lag_events', 'Committed events not yet published', () => relay.lag)
 */
export function gauge(name: string, help: string, read: () => Reading): () => void {
  return observe('gauge', name, help, read);
}

/** Like {@link gauge}, for a number that only grows and is counted elsewhere. */
export function observedCounter(name: string, help: string, read: () => Reading): () => void {
  return observe('observed counter', name, help, read);
}

function observe(kind: 'gauge' | 'observed counter', name: string, help: string, read: () => Reading): () => void {
  const instrument: Instrument = { kind, name, help, read };
  register(kind, name, () => instrument);
  instruments.set(name, instrument);
  return () => {
    if (instruments.get(name) === instrument) instruments.delete(name);
  };
}
