import { safeParse } from '@gatehouse/schema';
import { z } from 'zod';

/** asciinema's asciicast v2: a header, and one event a line. */
const header = z.object({ version: z.literal(2), width: z.int().min(1).max(4_096), height: z.int().min(1).max(4_096) });
/** Seconds since the beginning, what happened (`o` output, `r` resize, ...), and with what. */
const event = z.tuple([z.number().min(0), z.string(), z.string()]);

export type Cast = { readonly kind: 'header'; readonly columns: number; readonly rows: number } | CastEvent;
export interface CastEvent {
  readonly kind: 'event';
  readonly atSeconds: number;
  readonly code: string;
  readonly data: string;
}

const maxLine = 4 * 1024 * 1024;

/** Reads a recording as it comes. What was cut within a line by a device that died is left out, and told. */
export class CastReader {
  #rest = '';
  #seen = 0;
  readonly #decoder = new TextDecoder();
  /** Lines that are no event. */
  bad = 0;

  take(chunk: Uint8Array): Cast[] {
    this.#rest += this.#decoder.decode(chunk, { stream: true });
    const lines = this.#rest.split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > maxLine) this.#rest = '';
    return lines.flatMap((line) => this.#read(line));
  }

  get isCut(): boolean {
    return this.#rest !== '';
  }

  #read(line: string): Cast[] {
    if (line.trim() === '') return [];
    const isFirst = this.#seen++ === 0;
    const value = parsed(line);
    if (isFirst) {
      const { data } = safeParse(header, value);
      if (data) return [{ kind: 'header', columns: data.width, rows: data.height }];
    } else {
      const { data } = safeParse(event, value);
      if (data) return [{ kind: 'event', atSeconds: data[0], code: data[1], data: data[2] }];
    }
    this.bad++;
    return [];
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/**
 * How long to wait before an event, in milliseconds.
 *
 * @param idleLimitSeconds what nobody wants to sit through is cut to it
 */
export function delayMs(fromSeconds: number, toSeconds: number, speed: number, idleLimitSeconds: number): number {
  return (Math.min(Math.max(0, toSeconds - fromSeconds), idleLimitSeconds) / speed) * 1_000;
}

const esc = '\\u001b';
/** Titles, clipboard, notifications, files: OSC, DCS, PM, APC and SOS, up to their end. */
const texts = new RegExp(
  `(?:${esc}[\\]P^_X]|[\\u009d\\u0090\\u009e\\u009f\\u0098])[^\\u0007${esc}\\u009c]*(?:\\u0007|${esc}\\\\|\\u009c|$)?`,
  'g',
);
/** Questions that a terminal answers by typing: device attributes, status, window operations. */
const questions = new RegExp(`(?:${esc}\\[|\\u009b)[>=?!]?[\\d;]*[cntxy]|\\u0005|${esc}Z`, 'g');

/**
 * What of a recording's output a terminal of today may be given: text, colours, cursor. What would make it answer, write to
 * the clipboard, change its title or print was done on another terminal at another time.
 */
export const forTerminal = (text: string): string => text.replace(texts, '').replace(questions, '');
