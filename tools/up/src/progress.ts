import { basename, join } from 'node:path';

/** What the person, or the script, at the other end sees while the stack starts and runs. */
export interface Progress {
  step(name: string): Step;
  /** A line that stays: a warning, a restart. */
  note(line: string): void;
  /** Runs `question` with the screen to itself. */
  whileAsking<T>(question: () => Promise<T>): Promise<T>;
  /** The end of the start: no more steps are drawn. */
  ready(summary: Summary): void;
}

export interface Step {
  /** What it is doing just now. */
  update(detail: string): void;
  done(detail?: string): void;
  failed(detail?: string): void;
}

export interface Summary {
  url: string;
  caFile: string;
  caFingerprint: string;
  dataFolder: string;
  /** What protects less than one may think. */
  warnings?: string[];
  /** Only while the set-up link can be used. */
  setupUrl?: string;
  /** Only when a key for it was made. */
  curl?: string;
  services: Record<string, string>;
  seconds: number;
}

export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

const seconds = (sinceMs: number) => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;

/** Plain lines: for a pipe, a log, continuous integration. */
export function plainProgress(output: Output): Progress {
  const line = (text: string) => void output.write(`${text}\n`);
  return {
    step(name) {
      const start = performance.now();
      line(`  ${name} ...`);
      return {
        update: (detail) => line(`  ${name}: ${detail}`),
        done: (detail) => line(`  ${name}: ${detail ?? 'ready'} (${seconds(start)})`),
        failed: (detail) => line(`  ${name}: ${detail ?? 'failed'} (${seconds(start)})`),
      };
    },
    note: line,
    whileAsking: (question) => question(),
    ready: (summary) => line(summaryText(summary)),
  };
}

/** One JSON object a line, each with an `event`. */
export function jsonProgress(output: Output): Progress {
  const emit = (event: object) => void output.write(`${JSON.stringify(event)}\n`);
  return {
    step(name) {
      const start = performance.now();
      const report = (state: string, detail?: string) =>
        emit({
          event: 'step',
          name,
          state,
          ...(detail === undefined ? {} : { detail }),
          ms: Math.round(performance.now() - start),
        });
      return {
        update: (detail) => report('working', detail),
        done: (detail) => report('done', detail),
        failed: (detail) => report('failed', detail),
      };
    },
    note: (text) => emit({ event: 'note', text }),
    whileAsking: (question) => question(),
    ready: (summary) => emit({ event: 'ready', ...summary }),
  };
}

interface Drawn {
  name: string;
  start: number;
  detail: string;
  state: 'working' | 'done' | 'failed';
  end?: string;
}

const REDRAW_MS = 200;
const marks = { working: '…', done: '✓', failed: '✗' } as const;

/** One line per step, redrawn in place with its running time. */
export function terminalProgress(output: Output): Progress {
  const steps: Drawn[] = [];
  let drawn = 0;
  let timer: NodeJS.Timeout | undefined;
  let asking = false;
  const draw = () => {
    if (asking) return;
    const width = output.columns ?? 80;
    const lines = steps.map((step) => stepLine(step).slice(0, width - 1));
    output.write(`${drawn > 0 ? `\x1b[${drawn}A` : ''}${lines.map((line) => `\x1b[2K${line}\n`).join('')}`);
    drawn = lines.length;
    if (steps.every((step) => step.state !== 'working')) stopTimer();
  };
  const stopTimer = () => {
    clearInterval(timer);
    timer = undefined;
  };
  const finish = (step: Drawn, state: 'done' | 'failed', detail: string) => {
    Object.assign(step, { state, detail, end: seconds(step.start) });
    draw();
  };
  return {
    step(name) {
      const step: Drawn = { name, start: performance.now(), detail: '', state: 'working' };
      steps.push(step);
      timer ??= setInterval(draw, REDRAW_MS).unref();
      draw();
      return {
        update: (detail) => {
          step.detail = detail;
          draw();
        },
        done: (detail) => finish(step, 'done', detail ?? ''),
        failed: (detail) => finish(step, 'failed', detail ?? step.detail),
      };
    },
    note(text) {
      // Printed where the steps began; they move down.
      if (drawn > 0) output.write(`\x1b[${drawn}A\x1b[J`);
      output.write(`${text}\n`);
      drawn = 0;
      if (steps.length > 0) draw();
    },
    async whileAsking(question) {
      asking = true;
      try {
        return await question();
      } finally {
        // The question and its answer stay; the steps continue below them.
        asking = false;
        drawn = 0;
      }
    },
    ready(summary) {
      stopTimer();
      steps.length = 0;
      drawn = 0;
      output.write(`${summaryText(summary)}\n`);
    },
  };
}

function stepLine(step: Drawn): string {
  const time = step.end ?? seconds(step.start);
  return `  ${marks[step.state]} ${step.name.padEnd(14)} ${time.padStart(7)}  ${step.detail.split('\n')[0]}`;
}

export function summaryText(summary: Summary): string {
  const parts = [
    `\nReady in ${summary.seconds.toFixed(1)} s: ${summary.url}`,
    `  data         ${summary.dataFolder}`,
    `  authority    ${summary.caFile}`,
    `               SHA-256 ${summary.caFingerprint}`,
  ];
  // Where else it is, the command line finds by itself.
  if (basename(summary.dataFolder) !== '.gatehouse')
    parts.push(`  gatehouse    GATEHOUSE_CONFIG_DIR=${join(summary.dataFolder, 'cli')}`);
  if (summary.setupUrl !== undefined) parts.push(`  set-up link  ${summary.setupUrl}   (works once)`);
  if (summary.curl !== undefined) parts.push('', 'Ask for a decision:', `  ${summary.curl}`);
  for (const warning of summary.warnings ?? []) parts.push('', `WARNING: ${warning}`);
  parts.push('', 'Ctrl-C stops everything.');
  return parts.join('\n');
}
