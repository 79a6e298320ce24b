import { printable } from '../../output/table.js';

const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** @example formatBytes(1_234_567) // '1.2 MB' */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1_000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

export interface ProgressState {
  readonly name: string;
  readonly done: number;
  readonly total: number;
  /** Of this attempt: what was there before does not make it faster. */
  readonly moved: number;
  readonly elapsedMs: number;
}

const barWidth = 20;

/** `video.mp4  [##########          ]  50%  5.0 MB  2.5 MB/s  ETA 0:02` */
export function progressLine({ name, done, total, moved, elapsedMs }: ProgressState): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const rate = elapsedMs > 0 ? (moved / elapsedMs) * 1_000 : 0;
  const bar = '#'.repeat(Math.floor(share * barWidth)).padEnd(barWidth);
  const left = rate > 0 && done < total ? `  ETA ${clock((total - done) / rate)}` : '';
  const plain = printable(name);
  const shown = plain.length > 30 ? `…${plain.slice(-29)}` : plain;
  return `${shown}  [${bar}] ${String(Math.floor(share * 100)).padStart(3)}%  ${formatBytes(done)}  ${formatBytes(rate)}/s${left}`;
}

function clock(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3_600);
  return `${hours > 0 ? `${hours}:${two(Math.floor(whole / 60) % 60)}` : Math.floor(whole / 60)}:${two(whole % 60)}`;
}

const everyMs = 100;

/** A bar on a terminal, drawn again in its line; nothing anywhere else. */
export class Progress {
  #state: { name: string; done: number; total: number; from: number; startMs: number } | undefined;
  #drawnMs = 0;

  constructor(
    private readonly write: ((text: string) => void) | undefined,
    private readonly now: () => number,
  ) {}

  begin(name: string, total: number, from: number): void {
    this.#state = { name, done: from, total, from, startMs: this.now() };
  }

  moved(bytes: number): void {
    if (!this.#state || !this.write) return;
    this.#state.done += bytes;
    if (this.now() - this.#drawnMs < everyMs) return;
    this.#drawnMs = this.now();
    this.#draw('');
  }

  end(): void {
    if (this.#state && this.write) this.#draw('\n');
    this.#state = undefined;
  }

  #draw(after: string): void {
    if (!this.#state) return;
    const { name, done, total, from, startMs } = this.#state;
    const line = progressLine({ name, done, total, moved: done - from, elapsedMs: this.now() - startMs });
    this.write?.(`\r${line}\u001b[K${after}`);
  }
}
