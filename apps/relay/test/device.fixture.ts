import { sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ApprovedDevice } from '@gatehouse/service-testing';
import { challenge, type Hello, helloText, MessageStream, type SessionReport } from '@gatehouse/session';
import { waitFor } from '@gatehouse/testing';
import { type ByteStream, type Carrier, type CarrierKind, connect, type StreamEnd } from '@gatehouse/transport';
import type { RelayStack } from './relay-stack.fixture.js';

// biome-ignore lint/suspicious/noExplicitAny: words of a relay, of which each test reads what it knows
type Words = any;

/** A connection to a relay, of which it has heard the challenge. */
export interface Dialled {
  readonly carrier: Carrier;
  readonly control: MessageStream;
  /** All messages on the control stream so far. */
  readonly heard: Words[];
  /** Settled when the relay closed the connection. */
  readonly closed: Promise<StreamEnd>;
  readonly nonce: string;
  /** Says what it is, and answers the relay's next word. */
  greet(hello: Hello): Promise<Words>;
  next(): Promise<Words>;
}

export async function dial(
  stack: RelayStack,
  port: number,
  carriers: readonly CarrierKind[] = ['tls'],
): Promise<Dialled> {
  const trust = { ca: readFileSync(stack.authority.caFile, 'utf8') };
  const carrier = await connect({ host: '127.0.0.1', port, carriers, trust });
  const heard: Words[] = [];
  const waiting: ((word: Words) => void)[] = [];
  let read = 0;
  carrier.onStream = (stream) => stream.reset({ code: 'protocol' });
  const closed = new Promise<StreamEnd>((resolve) => {
    carrier.onClose = (end) => {
      for (const tell of waiting.splice(0)) tell({ type: 'closed', ...end });
      resolve(end);
    };
  });
  const control = new MessageStream(carrier.open());
  control.onMessage = (word) => {
    heard.push(word);
    const tell = waiting.shift();
    if (tell) {
      read++;
      tell(word);
    }
  };
  const next = () =>
    new Promise<Words>((resolve) => {
      if (read < heard.length) resolve(heard[read++]);
      else waiting.push(resolve);
    });
  const { nonce } = challenge.parse(await next());
  return {
    carrier,
    control,
    heard,
    closed,
    nonce,
    next,
    greet: (hello) => {
      control.send(hello);
      return next();
    },
  };
}

export const deviceHello = ({ deviceId, identity }: ApprovedDevice, { nonce, carrier }: Dialled): Hello => {
  const text = Buffer.from(helloText('device', deviceId, nonce, carrier.serverFingerprint));
  const signature = sign(null, text, identity.privateKey).toString('base64url');
  return { type: 'hello', role: 'device', version: 1, agent: 'test', deviceId, signature };
};

/** A stream that a relay opened to a device. */
export interface Served {
  readonly open: { readonly grant: string; readonly source?: string };
  readonly stream: ByteStream;
  end: StreamEnd | undefined;
}

export interface ConnectedDevice extends Dialled {
  readonly tunnelId: string;
  readonly served: Served[];
  report(sid: string, event: SessionReport['event']): void;
}

/** A device that answers every stream with what it is sent. */
export async function connectDevice(
  stack: RelayStack,
  device: ApprovedDevice,
  port: number,
  carriers?: readonly CarrierKind[],
): Promise<ConnectedDevice> {
  const dialled = await dial(stack, port, carriers);
  const served: Served[] = [];
  dialled.carrier.onStream = (stream) => {
    const messages = new MessageStream(stream);
    messages.onMessage = (open) => {
      const rest = messages.release();
      const one: Served = { open: open as Served['open'], stream: rest, end: undefined };
      served.push(one);
      rest.onData = (chunk) => {
        if (!rest.write(chunk)) rest.pause();
      };
      rest.onDrain = () => rest.resume();
      rest.onEnd = () => rest.end();
      rest.onReset = (end) => {
        one.end = end;
      };
    };
  };
  const answer = await dialled.greet(deviceHello(device, dialled));
  if (answer.type !== 'welcome') throw new Error(`not let in: ${JSON.stringify(answer)}`);
  return {
    ...dialled,
    tunnelId: answer.tunnelId,
    served,
    report: (sid, event) => void dialled.control.send({ type: 'session_report', sid, event }),
  };
}

/** Until a relay that was started a moment ago knows the device. */
export const connectWhenReady = (stack: RelayStack, device: ApprovedDevice, port: number): Promise<ConnectedDevice> =>
  waitFor(() => connectDevice(stack, device, port).catch(() => undefined));

export async function connectClient(
  stack: RelayStack,
  port: number,
  carriers?: readonly CarrierKind[],
): Promise<Dialled> {
  const dialled = await dial(stack, port, carriers);
  const answer = await dialled.greet({ type: 'hello', role: 'client', version: 1, agent: 'test' });
  if (answer.type !== 'welcome') throw new Error(`not let in: ${JSON.stringify(answer)}`);
  return dialled;
}

/** A session's stream as its client has it. */
export interface Opened {
  /** The relay's answer. */
  readonly answer: Words;
  readonly stream: ByteStream;
  /** All bytes so far. */
  received(): Buffer;
  /** Settled when the stream is over, with the reason of a reset. */
  readonly over: Promise<StreamEnd | 'ended'>;
  /** Writes, and waits until as many bytes came back. */
  echo(bytes: Uint8Array): Promise<Buffer>;
}

export function openStream({ carrier }: Pick<Dialled, 'carrier'>, grant: string, extra: object = {}): Promise<Opened> {
  const messages = new MessageStream(carrier.open());
  messages.send({ type: 'open', grant, ...extra });
  return new Promise((resolve, reject) => {
    messages.onReset = (end) => reject(new Error(`reset: ${end.code} ${end.detail ?? ''}`));
    messages.onEnd = () => reject(new Error('ended without an answer'));
    messages.onMessage = (answer) => resolve(opened(answer, messages.release()));
  });
}

function opened(answer: Words, stream: ByteStream): Opened {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let onBytes: () => void = () => undefined;
  let finish: (end: StreamEnd | 'ended') => void = () => undefined;
  const over = new Promise<StreamEnd | 'ended'>((resolve) => {
    finish = resolve;
  });
  stream.onEnd = () => finish('ended');
  stream.onReset = (end) => finish(end);
  stream.onData = (chunk) => {
    chunks.push(Buffer.from(chunk));
    bytes += chunk.byteLength;
    onBytes();
  };
  return {
    answer,
    stream,
    received: () => Buffer.concat(chunks),
    over,
    echo: (sent) =>
      new Promise((resolve, reject) => {
        const from = bytes;
        onBytes = () => bytes - from >= sent.byteLength && resolve(Buffer.concat(chunks).subarray(from));
        void over.then((end) => reject(new Error(`over: ${JSON.stringify(end)}`)));
        stream.write(sent);
      }),
  };
}
