import { EventEmitter } from 'node:events';
import { PassThrough, Readable, Writable } from 'node:stream';
import { commandHash, frameTypes } from '@gatehouse/session';
import { tempDir, waitFor } from '@gatehouse/testing';
import { afterAll, describe, expect, it } from '@jest/globals';
import { caller } from '../../world.fixture.js';
import type { World } from '../../world.js';
import { deviceServing, json, nothing, type Opened, text } from '../device.fixture.js';
import { attach, type LocalSide } from './attach.js';
import { commandOf } from './exec.js';

const folder = tempDir('cli-exec');
afterAll(() => folder.remove());

const exit = (stream: Opened['stream'], code: number | null, signal: string | null = null) =>
  stream.sendJson(frameTypes.exit, { code, signal });

async function call(
  argv: readonly string[],
  serve: (opened: Opened) => void,
  given: Partial<World> = {},
  accepts = true,
) {
  const { dial, opened } = deviceServing(serve, accepts);
  return { ...(await caller(folder.path)(['edge-1', ...argv], {}, { dial: () => dial, ...given })), opened };
}

describe('the words of a program', () => {
  it.each([
    [['uptime'], false, 'uptime'],
    [['df -h | tail -1'], false, 'df -h | tail -1'],
    [['sh', '-c', 'a && b'], false, ['sh', '-c', 'a && b']],
    [['echo', '$HOME'], true, 'echo $HOME'],
  ] as const)('%j, with a shell: %s', (words, isShell, expected) =>
    expect(commandOf(words, isShell)).toEqual(expected),
  );

  it('none at all is refused', () => expect(() => commandOf([], false)).toThrow('which program'));
});

describe('exec', () => {
  it('asks for exactly this program, and gives what it writes, byte by byte, errors apart', async () => {
    const bytes = Buffer.from([0, 255, 1, 2, 27, 128, 10]);
    const { opened, ...ended } = await call(['exec', '--', 'cat', 'a b', '-'], ({ stream }) => {
      stream.send(frameTypes.stderr, Buffer.from('careful\n'));
      stream.send(frameTypes.data, bytes);
      exit(stream, 0);
    });
    expect(ended).toMatchObject({ exitCode: 0, error: 'careful\n' });
    expect(ended.bytes.equals(bytes)).toBe(true);
    const command = ['cat', 'a b', '-'];
    expect(opened).toMatchObject([
      {
        scope: { kind: 'exec', commandHash: commandHash(command) },
        open: { kind: 'exec', command, stdin: false },
        extra: { command },
      },
    ]);
  });

  it.each([
    ['its code', 3, null, 3],
    ['a code above what a process can have', 256 + 7, null, 7],
    ['a signal', null, 'SIGTERM', 143],
    ['a signal in short', null, 'KILL', 137],
  ] as const)('ends with %s', async (_name, code, signal, expected) => {
    // Without a new line at the end, and with what looks like an answer: neither hides the code.
    const { exitCode, out } = await call(['exec', 'printf', 'x'], ({ stream }) => {
      stream.send(frameTypes.data, Buffer.from('{"exit_code":0}'));
      exit(stream, code, signal);
    });
    expect({ exitCode, out }).toEqual({ exitCode: expected, out: '{"exit_code":0}' });
  });

  it('gives the standard input, and still gets what comes after its end', async () => {
    const lines = ['pear\n', 'apple\n'];
    const { out, exitCode } = await call(
      ['exec', '-i', '--', 'sort'],
      ({ stream }) => {
        let got = '';
        stream.onFrame = (type, payload) => {
          if (type === frameTypes.data) got += text(payload);
          if (type !== frameTypes.eof) return;
          stream.send(frameTypes.data, Buffer.from(`${got.trim().split('\n').sort().join('\n')}\n`));
          exit(stream, 0);
        };
      },
      { stdin: Readable.from(lines.map((line) => Buffer.from(line))) },
    );
    expect({ out, exitCode }).toEqual({ out: 'apple\npear\n', exitCode: 0 });
  });

  it('leaves the standard input alone that is not asked for', async () => {
    const stdin = Readable.from([Buffer.from('secret')]);
    const frames: number[] = [];
    await call(
      ['exec', 'true'],
      ({ stream }) => {
        stream.onFrame = (type) => frames.push(type);
        exit(stream, 0);
      },
      { stdin },
    );
    expect({ frames, flowing: stdin.readableFlowing }).toEqual({ frames: [], flowing: null });
  });

  it.each([
    ['denied', 'not_granted', 4],
    ['not there', 'not_found', 1],
    ['too much', 'limit', 5],
  ])('%s before it began ends with our own code', async (_name, code, exitCode) => {
    const ended = await call(
      ['exec', 'true'],
      ({ stream }) => stream.sendJson(frameTypes.error, { code, detail: 'no\u001b[2J' }),
      {},
      false,
    );
    expect(ended).toMatchObject({ exitCode, out: '' });
    expect(ended.error).toContain('no\\u001b[2J');
  });

  it('broken off in the middle it ends with 255, and says why', async () => {
    const ended = await call(['exec', 'sleep', '9'], ({ stream }) => {
      stream.send(frameTypes.data, Buffer.from('some'));
      stream.sendJson(frameTypes.error, { code: 'revoked', detail: 'by policy' });
    });
    expect(ended).toMatchObject({ exitCode: 255, out: 'some', error: expect.stringContaining('by policy') });
  });

  it('a shell and an interactive terminal need a terminal', async () => {
    expect(await call(['shell'], () => undefined)).toMatchObject({ exitCode: 2, opened: [] });
    expect(await call(['exec', '-it', 'bash'], () => undefined)).toMatchObject({ exitCode: 2, opened: [] });
  });
});

describe('this side of a program', () => {
  const sides = (stdout: Writable = new PassThrough()) => {
    const raw: boolean[] = [];
    const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (on: boolean) => raw.push(on) });
    const notes: string[] = [];
    const signals = new EventEmitter();
    const local: LocalSide = {
      stdin,
      stdout: stdout as LocalSide['stdout'],
      stderr: new PassThrough(),
      signals,
      note: (line) => notes.push(line),
    };
    return { local, stdin, raw, notes, signals };
  };
  const open = async (serve: (opened: Opened) => void) =>
    deviceServing(serve).dial({ kind: 'shell' }, { kind: 'shell', terminal: { term: 'xterm', rows: 1, columns: 1 } });

  it('sends signals over, and who asks three times is let out', async () => {
    const got: unknown[] = [];
    const { local, signals } = sides();
    const stream = await open(({ stream: device }) => {
      device.onFrame = (type, payload) => type === frameTypes.signal && got.push(json(payload));
    });
    const ended = attach(stream, local, { stdin: false, isTerminal: false });
    await new Promise((resolve) => setImmediate(resolve));
    signals.emit('SIGINT');
    signals.emit('SIGTERM');
    signals.emit('SIGINT');
    expect(await ended).toBe(130);
    expect(got).toEqual([{ signal: 'INT' }, { signal: 'TERM' }]);
    expect(signals.eventNames()).toEqual([]);
  });

  it('is raw while the program runs, and as it was afterwards; its size goes over', async () => {
    const got: unknown[] = [];
    const { local, raw, stdin } = sides(Object.assign(new PassThrough(), { rows: 50, columns: 132 }));
    const stream = await open(({ stream: device }) => {
      device.onFrame = (type, payload) => {
        if (type === frameTypes.resize) got.push(json(payload));
        if (type === frameTypes.data) exit(device, 0);
      };
    });
    const ended = attach(stream, local, { stdin: true, isTerminal: true });
    await waitFor(() => raw.length === 1);
    local.stdout.emit('resize');
    stdin.write('exit\r');
    expect(await ended).toBe(0);
    expect({ raw, got }).toEqual({ raw: [true, false], got: [{ rows: 50, columns: 132 }] });
  });

  it('Enter ~ . leads out of a session that says nothing any more', async () => {
    const { local, raw, stdin } = sides();
    const ended = attach(await open(() => undefined), local, { stdin: true, isTerminal: true });
    await waitFor(() => raw.length === 1);
    stdin.write('\r~.');
    expect(await ended).toBe(255);
    expect(raw).toEqual([true, false]);
  });

  it('reads no faster than it can write', async () => {
    let release: () => void = () => undefined;
    let taken = 0;
    const stuck = new Writable({
      highWaterMark: 1_024,
      write: (chunk: Buffer, _encoding, done) => {
        taken += chunk.length;
        release = done;
      },
    });
    let sent = 0;
    let isFull = false;
    const total = 64 * 1024 * 1024;
    const block = Buffer.alloc(65_536, 7);
    const stream = await open(({ stream: device }) => {
      const pump = () => {
        for (isFull = false; sent < total && !isFull; sent += block.length)
          isFull = !device.send(frameTypes.data, block);
        if (sent >= total && !isFull) exit(device, 0);
      };
      device.onDrain = pump;
      pump();
    });
    const ended = attach(stream, sides(stuck).local, { stdin: false, isTerminal: false });
    await waitFor(() => isFull && taken > 0);
    expect(sent).toBeLessThan(total / 4);
    stuck._write = (chunk: Buffer, _encoding, done) => {
      taken += chunk.length;
      done();
    };
    release();
    expect(await ended).toBe(0);
    expect(taken).toBe(total);
  });

  it('a reader that has seen enough ends the program over there', async () => {
    let reset = '';
    const { local } = sides();
    const stream = await open(({ stream: device }) => {
      device.onReset = ({ code }) => {
        reset = code;
      };
      device.send(frameTypes.data, Buffer.from('much'));
    });
    const ended = attach(stream, local, { stdin: false, isTerminal: false });
    local.stdout.emit('error', Object.assign(new Error('closed'), { code: 'EPIPE' }));
    expect(await ended).toBe(0);
    await waitFor(() => reset === 'cancelled');
  });

  it('a broken stream leaves nothing behind', async () => {
    const { local, notes, signals } = sides();
    const stream = await open(({ stream: device }) => {
      device.send(frameTypes.data, nothing);
      setImmediate(() => device.reset({ code: 'device_lost' }));
    });
    expect(await attach(stream, local, { stdin: false, isTerminal: false })).toBe(255);
    expect(notes.join()).toContain('the device is lost');
    expect(signals.eventNames()).toEqual([]);
  });
});
