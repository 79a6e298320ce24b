import type { World } from '../world.js';
import { formatFacts, formatTable } from './table.js';
import { formatTime } from './time.js';

export interface OutputFlags {
  readonly json: boolean;
  readonly utc: boolean;
}

const green = (text: string) => `\u001b[32m${text}\u001b[39m`;
const red = (text: string) => `\u001b[31m${text}\u001b[39m`;

/** How a command answers: text for people, or with --json one JSON value for scripts. */
export class Output {
  readonly #coloured: boolean;

  constructor(
    private readonly world: World,
    private readonly flags: OutputFlags,
  ) {
    // no-color.org: any text that is not empty.
    this.#coloured = world.stdoutIsTerminal && !world.env.NO_COLOR && world.env.TERM !== 'dumb' && !flags.json;
  }

  get isJson(): boolean {
    return this.flags.json;
  }

  json(value: unknown): void {
    this.world.writeOut(`${JSON.stringify(value, null, 2)}\n`);
  }

  line(text: string): void {
    this.world.writeOut(`${text}\n`);
  }

  table(head: readonly string[], rows: readonly (readonly string[])[]): void {
    this.world.writeOut(formatTable(head, rows, this.#coloured));
  }

  facts(facts: readonly (readonly [string, string | undefined])[]): void {
    this.world.writeOut(formatFacts(facts));
  }

  /** For the person at the terminal; never part of the answer. */
  note(text: string): void {
    this.world.writeError(`${text}\n`);
  }

  time(text: string | undefined): string {
    return text === undefined ? '' : formatTime(text, this.flags.utc);
  }

  good(text: string): string {
    return this.#coloured ? green(text) : text;
  }

  bad(text: string): string {
    return this.#coloured ? red(text) : text;
  }
}
