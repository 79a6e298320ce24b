import { formatTraceparent, parseTraceparent, type TraceContext } from '@gatehouse/telemetry';
import type { Msg } from '@nats-io/transport-node';

/** Time of day by which the caller wants an answer, in milliseconds since 1970. */
export const deadlineHeader = 'Gatehouse-Deadline';
/** How many calls a message carries; absent: one, whose input is the whole body. */
export const callsHeader = 'Gatehouse-Calls';
export const maxCallsInMessage = 256;

export type Reply = { ok: true; value: unknown } | { ok: false; code: string; message: string };

export const refused = (code: string, message: string): Reply => ({ ok: false, code, message });
export const malformedRequest = refused('malformed', 'the request is not what was agreed');

/** One call as it arrived: nothing of it is checked. */
export interface ReceivedCall {
  readonly input: unknown;
  readonly trace: TraceContext | undefined;
}

/** One line of several: `traceparent` (or nothing) TAB input as JSON, which holds no raw line break. */
export const callLine = (inputText: string, trace: TraceContext | undefined): string =>
  `${trace ? formatTraceparent(trace) : ''}\t${inputText}`;

/** How many calls a message says that it carries: 1, or undefined where that is nonsense. */
export function callCount(message: Msg): number | undefined {
  const said = message.headers?.get(callsHeader);
  if (!said) return 1;
  const count = /^\d{1,4}$/.test(said) ? Number(said) : 0;
  return count >= 1 && count <= maxCallsInMessage ? count : undefined;
}

/** The calls of a message that says it carries several, or undefined where it does not carry just as many. */
export function readCalls(message: Msg, count: number): readonly ReceivedCall[] | undefined {
  const lines = message.string().split('\n', count + 1);
  if (lines.length !== count) return undefined;
  return lines.map((line) => {
    const tab = line.indexOf('\t');
    return { trace: parseTraceparent(line.slice(0, Math.max(tab, 0))), input: parsed(line.slice(tab + 1)) };
  });
}

/** A whole body; undefined where it is no JSON. */
export const readJson = (message: Msg): unknown => parsed(message.string());

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function asReply(value: unknown): Reply | undefined {
  const reply = value as Partial<{ ok: unknown; code: unknown; message: unknown }> | null | undefined;
  if (reply?.ok === true) return reply as Reply;
  const isRefusal = reply?.ok === false && typeof reply.code === 'string' && typeof reply.message === 'string';
  return isRefusal ? (reply as Reply) : undefined;
}

/**
 * The answers to several calls, in their order. One answer for all stands for each: it is how a message is refused before
 * anything of it is looked at. Undefined where it is neither.
 */
export function readReplies(message: Msg, count: number): readonly (Reply | undefined)[] | undefined {
  const value = readJson(message);
  if (Array.isArray(value)) return value.length === count ? value.map(asReply) : undefined;
  const forAll = asReply(value);
  return forAll && !forAll.ok ? Array.from({ length: count }, () => forAll) : undefined;
}
