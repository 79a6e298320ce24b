import type { SessionReport } from '../hello.js';

const maxKept = 1_024;

/** Where reports outlive the process. */
export interface ReportStore {
  /** What an earlier process left: it is told first. */
  readonly kept: readonly SessionReport[];
  /** With all that no relay took yet. Called often. */
  readonly changed: (waiting: readonly SessionReport[]) => void;
}

/**
 * What the device has to tell of its sessions, until a relay took it: across tunnels, in order. When there are too many, the oldest
 * go, and how many went is known.
 */
export class Reports {
  #kept: SessionReport[] = [];
  #next = 1;
  #dropped = 0;
  #send: ((report: SessionReport) => void) | undefined;

  constructor(
    private readonly onDropped: (count: number) => void = () => undefined,
    private readonly store: ReportStore = { kept: [], changed: () => undefined },
  ) {
    this.#kept = store.kept.slice(-maxKept).map((report) => ({ ...report, n: this.#next++ }));
  }

  get waiting(): number {
    return this.#kept.length;
  }

  get dropped(): number {
    return this.#dropped;
  }

  add(sid: string, event: SessionReport['event']): void {
    const report: SessionReport = { type: 'session_report', sid, event, n: this.#next++ };
    this.#kept.push(report);
    if (this.#kept.length > maxKept) {
      this.#kept.shift();
      this.onDropped(++this.#dropped);
    }
    this.store.changed(this.#kept);
    this.#send?.(report);
  }

  /** Over a tunnel that stands now: what no relay took is told again. Relays know repetitions. */
  sendTo(send: (report: SessionReport) => void): void {
    this.#send = send;
    for (const report of this.#kept) send(report);
  }

  /** The tunnel is gone. */
  hold(): void {
    this.#send = undefined;
  }

  /** A relay took all up to this one. */
  taken(n: number): void {
    this.#kept = this.#kept.filter((report) => (report.n ?? 0) > n);
    this.store.changed(this.#kept);
  }
}
