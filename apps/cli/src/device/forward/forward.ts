import { type Command, defineCommand, type Tools } from '../../command.js';
import { exitCodes, Failure, usageFailure } from '../../failure.js';
import { printable } from '../../output/table.js';
import { untilSignal } from '../../process-signals.js';
import type { Dial } from '../dial/dial.js';
import { type ListenContext, type Listening, listenStream } from './listen.js';
import { type Forward, maxTargets, parseForwards, parseReverse, type Reverse } from './parse-target.js';
import { ReverseForward } from './reverse.js';
import { listenDatagrams } from './udp.js';

const loopback = '127.0.0.1';

export const deviceForward = (device: string): Command =>
  defineCommand({
    command: 'forward [targets..]',
    describe: 'Reach ports and sockets of the device, or behind it, from here; until Ctrl-C',
    options: (parser) =>
      parser
        .positional('targets', {
          type: 'string',
          array: true,
          describe: '8080, 8080:80, 8080:HOST:80, HOST:80, 8000-8010:9000-9010, 53/udp, /local.sock:/remote.sock',
        })
        .option('reverse', {
          type: 'string',
          alias: 'R',
          array: true,
          nargs: 1,
          describe: 'PORT[:HOST]:PORT: a port of the device leads here (repeatable)',
        })
        .option('bind', {
          type: 'string',
          default: loopback,
          requiresArg: true,
          describe: 'Address to listen on here; any other than this machine’s own lets others in',
        })
        .example('$0 forward 8080:80 5432:db:5432 53/udp', '')
        .example('$0 forward -R 9000:localhost:3000', ''),
    run: async ({ targets = [], reverse = [], bind }, tools) => {
      const forwards = parseForwards(targets.map(String));
      const reverses = reverse.map(String).map(parseReverse);
      if (forwards.length + reverses.length === 0)
        throw usageFailure('say what to forward', 'gatehouse DEVICE forward --help');
      if (forwards.length + reverses.length > maxTargets) throw usageFailure(`at most ${maxTargets} targets at once`);
      if (bind !== loopback && bind !== '::1' && bind !== 'localhost')
        tools.output.note(`warning: whoever reaches ${bind} reaches the device through this call`);
      const until = untilSignal();
      try {
        return await runForwards(tools, tools.dial(device), { forwards, reverses, bind }, until.signal);
      } finally {
        until.end();
      }
    },
  });

interface Asked {
  readonly forwards: readonly Forward[];
  readonly reverses: readonly Reverse[];
  readonly bind: string;
}

/** Listens until the signal, or until the right to it is gone. What fails otherwise is told, and the rest goes on. */
export async function runForwards(tools: Tools, dial: Dial, asked: Asked, signal: AbortSignal): Promise<undefined> {
  const targets = [
    ...asked.forwards.map(({ target }) => target),
    ...asked.reverses.map(({ port }) => `reverse:${port}`),
  ];
  const opened: { close(): void }[] = [];
  let end: (failure?: Failure) => void = () => undefined;
  const ended = new Promise<Failure | undefined>((resolve) => {
    end = resolve;
    signal.addEventListener('abort', () => resolve(undefined));
    if (signal.aborted) resolve(undefined);
  });
  const failed = (failure: Failure, target: string) => {
    if (failure.exitCode === exitCodes.forbidden || failure.exitCode === exitCodes.unauthenticated) end(failure);
    else tools.output.note(`${target}: ${printable(failure.message)}`);
  };
  const context: ListenContext = {
    dial,
    targets,
    bind: asked.bind,
    failed: (failure, { target }) => failed(failure, target),
  };
  try {
    for (const forward of asked.forwards) opened.push(tell(tools, forward, await listen(forward, context)));
    for (const reverse of asked.reverses) opened.push(await openReverse(tools, { reverse, context, end }));
    const failure = await ended;
    if (failure) throw failure;
    return undefined;
  } finally {
    for (const one of opened) one.close();
  }
}

const listen = (forward: Forward, context: ListenContext): Promise<Listening> =>
  forward.protocol === 'udp' ? listenDatagrams(forward, context) : listenStream(forward, context);

function tell({ output, world }: Tools, { target }: Forward, listening: Listening): Listening {
  if (output.isJson) world.writeOut(`${JSON.stringify({ listening: listening.where, target })}\n`);
  else output.line(`${listening.where} -> ${target}`);
  return listening;
}

interface ReverseWish {
  readonly reverse: Reverse;
  readonly context: ListenContext;
  readonly end: (failure?: Failure) => void;
}

/** The device's port is there, or the call ends. Lost later, it ends, too: nobody would know that nothing listens any more. */
async function openReverse({ output, world }: Tools, { reverse, context, end }: ReverseWish): Promise<ReverseForward> {
  const target = `reverse:${reverse.port}`;
  const stream = await context.dial({ kind: 'forward', targets: [...context.targets] }, { kind: 'forward', target });
  const here = `${reverse.host}:${reverse.localPort}`;
  return new ReverseForward(
    stream,
    reverse,
    () => {
      if (output.isJson) world.writeOut(`${JSON.stringify({ listening: target, target: here })}\n`);
      else output.line(`${target} -> ${here}`);
    },
    (failure) => end(failure ?? new Failure(exitCodes.unavailable, `the device listens on ${reverse.port} no more`)),
  );
}
