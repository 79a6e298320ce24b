import { setTimeout as wait } from 'node:timers/promises';
import { recordingChunk } from '@gatehouse/contracts';
import { verifyProofFile } from '@gatehouse/merkle';
import { frameTypes } from '@gatehouse/session';
import { defineCommand, type EndCode, type Tools } from '../../command.js';
import type { Entry } from '../../entry/filters.js';
import { keptLedgerKeys } from '../../entry/ledger-key.js';
import { exitCodes, Failure, usageFailure } from '../../failure.js';
import { printable } from '../../output/table.js';
import { untilSignal } from '../../process-signals.js';
import type { RecordingChunk } from '../devices-api.js';
import { converse } from '../dial/failures.js';
import { type CastEvent, CastReader, delayMs, forTerminal } from './asciicast.js';
import { readSession } from './sessions.js';
import { type ChunkVerdict, ChunkVerifier } from './verify-chunks.js';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** A recording of a day at a megabyte a minute is far below. */
const maxRecordingBytes = 2 * 1024 * 1024 * 1024;
const proofsAtOnce = 500;
const pageSize = 500;

export const playSession = defineCommand({
  command: 'play <id>',
  describe: 'Play the recording of a session, which its device keeps; checked against the ledger first',
  options: (parser) =>
    parser
      .positional('id', { type: 'string', demandOption: true })
      .option('speed', { type: 'number', default: 1, requiresArg: true, describe: 'Twice as fast: 2' })
      .option('idle-limit', { type: 'number', default: 2, requiresArg: true, describe: 'Seconds of silence, at most' })
      .option('text', { type: 'boolean', default: false, describe: 'All at once, without waiting' })
      .option('raw', { type: 'boolean', default: false, describe: 'The recording itself (asciicast v2)' })
      .option('verify-only', { type: 'boolean', default: false, describe: 'Only say whether it is what was told' }),
  run: async (flags, tools) => {
    const id = flags.id.toLowerCase();
    if (!uuid.test(id)) throw usageFailure(`"${flags.id}" is no id of a session`);
    if (flags.raw && flags.text) throw usageFailure('--raw and --text do not go together');
    if (!(flags.speed > 0 && flags.speed <= 100)) throw usageFailure('--speed is above 0 and at most 100');
    if (!(flags['idle-limit'] >= 0)) throw usageFailure('--idle-limit is a number of seconds');
    const { deviceId } = await readSession(tools, id);
    const verifier = new ChunkVerifier(await provenChunks(tools, id));
    const recording = await fetchRecording(tools, deviceId, id);
    for (const chunk of recording) verifier.take(chunk);
    const code = report(tools, id, verifier.end());
    if (flags['verify-only'] || tools.output.isJson) return code;
    if (code !== exitCodes.ok) tools.output.note('What follows is what the device keeps now.');
    if (flags.raw) for (const chunk of recording) await written(tools, chunk);
    else
      await play(tools, recording, {
        speed: flags.text ? Number.POSITIVE_INFINITY : flags.speed,
        idle: flags['idle-limit'],
      });
    return code;
  },
});

/** The hashes that the ledger holds, each entry proven to be in it by the public key that is kept here. */
async function provenChunks(tools: Tools, sessionId: string): Promise<RecordingChunk[]> {
  const indexes = await chunkEntries(tools, sessionId);
  const keys = indexes.length > 0 ? await keptLedgerKeys(tools) : [];
  const chunks: RecordingChunk[] = [];
  for (let at = 0; at < indexes.length; at += proofsAtOnce) {
    const file = await tools
      .client()
      .bytes('/api/v1/audit/proofs', { indexes: indexes.slice(at, at + proofsAtOnce).join(',') });
    const verdict = verifyProofFile(file, keys);
    if (!verdict.ok)
      throw new Failure(exitCodes.negative, `the ledger's proof does not hold: ${verdict.problems[0]?.reason}`);
    for (const { entry } of verdict.entries) {
      const { data } = JSON.parse(Buffer.from(entry).toString('utf8')) as { data: unknown };
      const chunk = recordingChunk.parse(data);
      if (chunk.sessionId === sessionId) chunks.push(chunk);
    }
  }
  return chunks;
}

async function chunkEntries({ client }: Tools, sessionId: string): Promise<number[]> {
  const indexes: number[] = [];
  let cursor: string | undefined;
  do {
    const query = { type: 'recording.chunk_recorded', stream: `device-session:${sessionId}`, limit: pageSize, cursor };
    type Page = { entries: Entry[]; nextCursor: string | null };
    const page: Page = await client().get<Page>('/api/v1/audit/entries', query);
    indexes.push(...page.entries.map(({ index }) => index));
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return indexes;
}

async function fetchRecording(tools: Tools, deviceId: string, sessionId: string): Promise<Buffer[]> {
  const wanted = { kind: 'recording', sessionId } as const;
  const stream = await tools.dial(deviceId)(wanted, wanted);
  const chunks: Buffer[] = [];
  let bytes = 0;
  const failure = await new Promise<Failure | undefined>((resolve) =>
    converse(stream, {
      frame: (type, payload) => {
        if (type === frameTypes.eof) {
          stream.end();
          resolve(undefined);
        }
        if (type !== frameTypes.data) return;
        chunks.push(Buffer.from(payload));
        bytes += payload.byteLength;
        if (bytes <= maxRecordingBytes) return;
        stream.reset({ code: 'limit' });
        resolve(new Failure(exitCodes.unavailable, 'the recording is larger than any'));
      },
      over: resolve,
    }),
  );
  if (failure) throw failure;
  return chunks;
}

function report({ output }: Tools, sessionId: string, { proven, beyond, broken }: ChunkVerdict): EndCode {
  if (output.isJson) output.json({ sessionId, ok: broken === undefined, proven, beyond, broken });
  else if (broken !== undefined)
    output.note(`NOT VERIFIED: chunk ${broken} is not what the ledger holds, or is not there; ${proven} before it are`);
  else if (proven === 0) output.note('The ledger holds nothing of this recording: nothing is proven.');
  else
    output.note(
      `verified: ${proven} chunks are what the ledger holds${beyond > 0 ? `; ${beyond} bytes behind them were never told` : ''}`,
    );
  return broken === undefined ? exitCodes.ok : exitCodes.negative;
}

async function play(
  tools: Tools,
  recording: readonly Buffer[],
  { speed, idle }: { speed: number; idle: number },
): Promise<void> {
  const reader = new CastReader();
  const until = untilSignal();
  let atSeconds = 0;
  try {
    for (const chunk of recording)
      for (const each of reader.take(chunk)) {
        if (until.signal.aborted) return;
        if (each.kind !== 'event' || each.code !== 'o') continue;
        const ms = delayMs(atSeconds, each.atSeconds, speed, idle);
        if (ms >= 1) await wait(ms, undefined, { signal: until.signal }).catch(() => undefined);
        atSeconds = each.atSeconds;
        await written(tools, Buffer.from(shown(tools, each)));
      }
    if (reader.isCut || reader.bad > 0)
      tools.output.note('The recording is cut, or damaged: what could be read was played.');
  } finally {
    until.end();
  }
}

/** Not on a terminal nothing is interpreted: what would be acted on is shown. */
const shown = ({ world }: Tools, { data }: CastEvent): string =>
  world.stdoutIsTerminal
    ? forTerminal(data)
    : data
        .split(/(\r?\n|\t)/)
        .map((part, i) => (i % 2 ? part : printable(part)))
        .join('');

function written({ world }: Tools, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => world.stdout.write(bytes, () => resolve()));
}
