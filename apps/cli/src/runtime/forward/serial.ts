import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { ReadStream } from 'node:tty';
import { promisify } from 'node:util';
import { frameTypes, type ServedSession } from '@gatehouse/session';
import type { OutgoingFrames } from '../stream/outgoing-frames.js';
import { bridge } from './duplex-bridge.js';

const { O_RDWR, O_NOCTTY, O_NONBLOCK } = constants;
const run = promisify(execFile);
/** 8 bits, no parity, one stop bit, no flow control; every byte as it is. */
const settings = ['raw', '-echo', 'cs8', '-parenb', '-cstopb', '-crtscts', 'clocal'];

/** One serial line. */
export async function serveSerial(
  session: ServedSession<'forward'>,
  out: OutgoingFrames,
  { path, baud }: { readonly path: string; readonly baud: number },
): Promise<void> {
  session.stream.pause();
  // Held open while it is set up: a line forgets its settings when nobody has it.
  const line = await open(path, O_RDWR | O_NOCTTY | O_NONBLOCK).catch(({ code }: NodeJS.ErrnoException) => {
    const word = code === 'EACCES' ? 'permission' : code === 'EBUSY' ? 'busy' : 'not_found';
    out.fail(word, `the line cannot be opened (${code})`);
  });
  if (line === undefined) return;
  try {
    if (!(await line.stat()).isCharacterDevice()) throw new Error('it is no serial line');
    await run('stty', ['-F', path, String(baud), ...settings]);
    session.stream.resume();
    out.json(frameTypes.accepted, {});
    const stream = new ReadStream(line.fd);
    bridge(session, out, stream);
  } catch (error) {
    await line.close().catch(() => undefined);
    out.fail('unsupported', `the line cannot be set up: ${firstLine(error as Error & { stderr?: string })}`);
  }
}

/** What `stty` said, or what was wrong before it was asked. */
const firstLine = ({ message, stderr }: Error & { stderr?: string }): string =>
  (stderr || message).split('\n')[0] ?? '';
