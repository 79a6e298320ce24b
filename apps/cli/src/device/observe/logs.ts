import { type FrameStream, frameJson, frameTypes, logLine, type OpenMessage } from '@gatehouse/session';
import { type Command, defineCommand, type Tools } from '../../command.js';
import { type Failure, usageFailure } from '../../failure.js';
import { printable } from '../../output/table.js';
import { untilSignal } from '../../process-signals.js';
import { converse } from '../dial/failures.js';
import { parseWindow, windowOptions } from './window.js';

const maxTail = 100_000;
const unitPattern = /^[A-Za-z0-9@._:-]{1,256}$/;
const errorPriority = 3;

export const deviceLogs = (device: string): Command =>
  defineCommand({
    command: 'logs',
    describe: 'Show logs of the runtime or of systemd units; -f goes on until Ctrl-C',
    options: (parser) =>
      parser
        .options(windowOptions)
        .option('follow', { type: 'boolean', alias: 'f', default: false, describe: 'Go on with what comes' })
        .option('tail', {
          type: 'number',
          alias: 'n',
          requiresArg: true,
          describe: 'Only the last lines; 200 unless given',
        })
        .option('unit', { type: 'string', alias: 'u', array: true, nargs: 1, describe: 'Of this unit (repeatable)' })
        .example('$0 logs -f -u nginx.service', ''),
    run: async (flags, tools) => {
      const { sinceMs, untilMs } = parseWindow(flags, Date.now());
      const tail = flags.tail ?? (sinceMs === undefined ? 200 : undefined);
      if (tail !== undefined && (!Number.isInteger(tail) || tail < 0 || tail > maxTail))
        throw usageFailure(`--tail is a whole number from 0 to ${maxTail}`);
      const units = flags.unit?.map(String);
      const bad = units?.find((unit) => !unitPattern.test(unit));
      if (bad !== undefined) throw usageFailure(`--unit "${bad}" is no name of a unit`);
      if (flags.follow && untilMs !== undefined) throw usageFailure('--follow and --until do not go together');
      const open: OpenMessage = {
        kind: 'logs',
        follow: flags.follow,
        ...(tail !== undefined && { tail }),
        ...(sinceMs !== undefined && { sinceMs }),
        ...(untilMs !== undefined && { untilMs }),
        ...(units && { units }),
      };
      const stream = await tools.dial(device)({ kind: 'logs' }, open);
      await readMessages(stream, tools, (payload) => tellLine(tools, payload));
      return undefined;
    },
  });

function tellLine({ output, world }: Tools, payload: Uint8Array): boolean {
  const line = frameJson(logLine, payload);
  if (!line) return true;
  const at = new Date(line.at).toISOString();
  if (output.isJson) return world.stdout.write(`${JSON.stringify({ ...line, at })}\n`);
  const text = printable(line.text);
  const shown = line.priority <= errorPriority ? output.bad(text) : text;
  return world.stdout.write(`${output.time(at)} ${printable(line.unit)} ${shown}\n`);
}

/**
 * Hands on every message until the device ends the stream, or a signal ends the call. `take` answers false when the output is
 * full: then no more comes until it has room.
 */
export async function readMessages(
  stream: FrameStream,
  { world }: Tools,
  take: (payload: Uint8Array) => boolean,
): Promise<void> {
  const until = untilSignal();
  const resume = () => stream.resume();
  world.stdout.on('drain', resume);
  try {
    const failure = await new Promise<Failure | undefined>((resolve) => {
      until.signal.addEventListener('abort', () => {
        stream.reset({ code: 'cancelled' });
        resolve(undefined);
      });
      converse(stream, {
        frame: (type, payload) => {
          if (type === frameTypes.message && !take(payload)) stream.pause();
        },
        over: resolve,
      });
    });
    if (failure) throw failure;
  } finally {
    world.stdout.off('drain', resume);
    until.end();
  }
}
