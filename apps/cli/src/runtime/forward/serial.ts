import { execFile } from 'node:child_process';
import { close, closeSync, constants, fstat, open } from 'node:fs';
import { ReadStream } from 'node:tty';
import { promisify } from 'node:util';
import { frameTypes, type ServedSession } from '@gatehouse/session';
import type { OutgoingFrames } from '../stream/outgoing-frames.js';
import { bridge } from './duplex-bridge.js';

const { O_RDWR, O_NOCTTY, O_NONBLOCK } = constants;
const run = promisify(execFile);
const [openLine, statLine, closeLine] = [promisify(open), promisify(fstat), promisify(close)];
/** 8 bits, no parity, one stop bit, no flow control; every byte as it is. */
const settings = ['raw', '-echo', 'cs8', '-parenb', '-cstopb', '-crtscts', 'clocal'];

/** How long a line must be silent that was told all there is: an answer begins earlier, and no line says when it has said all. */
const silenceMs = 1_000;

/** One serial line. */
export async function serveSerial(
  session: ServedSession<'forward'>,
  out: OutgoingFrames,
  { path, baud }: { readonly path: string; readonly baud: number },
): Promise<void> {
  session.stream.pause();
  // Held open while it is set up: a line forgets its settings when nobody has it.
  const line = await openLine(path, O_RDWR | O_NOCTTY | O_NONBLOCK).catch(({ code }: NodeJS.ErrnoException) => {
    const word = code === 'EACCES' ? 'permission' : code === 'EBUSY' ? 'busy' : 'not_found';
    out.fail(word, `the line cannot be opened (${code})`);
  });
  if (line === undefined) return;
  try {
    if (!(await statLine(line)).isCharacterDevice()) throw new Error('it is no serial line');
    await run('stty', ['-F', path, String(baud), ...settings]);
    session.stream.resume();
    out.json(frameTypes.accepted, {});
    const stream = streamOf(line);
    bridge(session, out, stream);
    endWhenSilent(stream, out);
  } catch (error) {
    await closeLine(line).catch(() => undefined);
    out.fail('unsupported', `the line cannot be set up: ${firstLine(error as Error & { stderr?: string })}`);
  }
}

/** libuv opens a terminal once more and goes by that: then the first descriptor is ours to close, or the line stays open. */
function streamOf(line: number): ReadStream {
  const stream = new ReadStream(line);
  const { fd } = (stream as unknown as { readonly _handle: { readonly fd: number } })._handle;
  if (fd !== line) closeSync(line);
  return stream;
}

/** A line has no end of its own: once everything was written to it, it ends with its silence. */
function endWhenSilent(line: ReadStream, out: OutgoingFrames): void {
  line.once('finish', () => {
    const timer = setTimeout(() => {
      out.send(frameTypes.eof, new Uint8Array());
      line.destroy();
    }, silenceMs);
    line.on('data', () => timer.refresh());
    line.once('close', () => clearTimeout(timer));
  });
}

/** What `stty` said, or what was wrong before it was asked. */
const firstLine = ({ message, stderr }: Error & { stderr?: string }): string =>
  (stderr || message).split('\n')[0] ?? '';
