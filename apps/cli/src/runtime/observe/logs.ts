import { existsSync } from 'node:fs';
import { frameTypes, type ServedSession } from '@gatehouse/session';
import type { RuntimeHost } from '../host.js';
import { type LogRecord, runtimeUnit } from '../log/runtime-log.js';
import { OutgoingFrames } from '../stream/outgoing-frames.js';
import { parseJournalLine, readJournal, type WantedLogs } from './journal.js';

/** Lines of one message. */
const maxText = 16_384;
/** Records of the runtime's own that may wait for a slow reader; then the oldest are dropped, and that is said. */
const maxWaiting = 10_000;

/** Log lines: of the journal where systemd keeps one, else of the runtime's own file. */
export const serveLogs =
  (host: RuntimeHost, hasJournal: () => boolean = isJournalKept) =>
  (session: ServedSession<'logs'>): void => {
    const out = new OutgoingFrames(session.stream);
    const stops: (() => void)[] = [() => out.abandon()];
    const stop = () => {
      for (const one of stops.splice(0)) one();
    };
    session.stream.onFrame = () => {
      out.fail('protocol', 'nothing is said to logs');
      stop();
    };
    session.stream.onReset = stop;
    session.stream.onEnd = stop;
    session.ended.addEventListener('abort', stop, { once: true });
    const serve = hasJournal() ? serveJournal : serveOwn;
    void serve(session.open, host, out, (one) => stops.push(one)).catch((error: Error) => {
      out.fail('io', error.message);
      stop();
    });
  };

export const isJournalKept = (): boolean => existsSync('/run/systemd/journal/socket');

type OnStop = (stop: () => void) => unknown;

async function serveJournal(wanted: WantedLogs, host: RuntimeHost, out: OutgoingFrames, onStop: OnStop): Promise<void> {
  const journal = readJournal(wanted, host.env);
  onStop(journal.stop);
  out.json(frameTypes.accepted, {});
  for await (const line of journal.lines) {
    const record = parseJournalLine(line);
    if (record !== undefined && !tell(out, record)) await out.room();
    if (out.isOver) break;
  }
  journal.stop();
  const failure = await journal.failed;
  if (failure !== undefined) out.fail('io', `the journal cannot be read: ${failure}`);
  else out.finish();
}

async function serveOwn(wanted: WantedLogs, { log }: RuntimeHost, out: OutgoingFrames, onStop: OnStop): Promise<void> {
  const others = wanted.units?.filter((unit) => unit.replace(/\.service$/, '') !== runtimeUnit) ?? [];
  if (others.length > 0) {
    out.fail('unsupported', 'there is no journal on this device: only the log of the runtime can be read');
    return;
  }
  // Followed before it is read: what is written in between is not lost.
  const waiting: LogRecord[] = [];
  let [dropped, wake] = [0, () => {}];
  const isWanted = ({ at }: LogRecord) =>
    at >= (wanted.sinceMs ?? 0) && at <= (wanted.untilMs ?? Number.POSITIVE_INFINITY);
  if (wanted.follow) {
    const take = (record: LogRecord) => {
      if (waiting.length >= maxWaiting) dropped += waiting.splice(0, maxWaiting / 2).length;
      waiting.push(record);
      wake();
    };
    onStop(log.follow(take));
    onStop(() => wake());
  }
  out.json(frameTypes.accepted, {});
  const past = log.records().filter(isWanted);
  for (const record of past.slice(past.length - Math.min(wanted.tail ?? past.length, past.length)))
    if (!tell(out, record)) await out.room();
  while (wanted.follow && !out.isOver) {
    const record = waiting.shift();
    if (record === undefined) await new Promise<void>((resolve) => (wake = resolve));
    else if (isWanted(record) && !tell(out, record)) await out.room();
    if (dropped > 0) {
      tell(out, {
        ...(record as LogRecord),
        priority: 4,
        text: `${dropped} lines were dropped: they were read too slowly`,
      });
      dropped = 0;
    }
  }
  out.finish();
}

const tell = (out: OutgoingFrames, record: LogRecord): boolean =>
  out.json(frameTypes.message, { ...record, text: record.text.slice(0, maxText) });
