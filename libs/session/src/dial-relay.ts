import { safeParse } from '@gatehouse/schema';
import {
  type ByteStream,
  type Carrier,
  type CarrierKind,
  type ConnectOptions,
  connect,
  type StreamEnd,
  StreamReset,
  type TlsTrust,
} from '@gatehouse/transport';
import { z } from 'zod';
import { challenge, goAway, type Hello, refused, welcome } from './hello.js';
import { MessageStream } from './message-stream.js';

export type RefusalOfRelay = z.infer<typeof refused>['code'];

/** The relay answered, and takes us not or not now. */
export class RelayRefused extends Error {
  override readonly name = 'RelayRefused';
  constructor(
    readonly code: RefusalOfRelay,
    readonly retryAfterMs: number,
  ) {
    super(code);
  }
}

/** How relays are reached. */
export interface RelayReach {
  readonly trust?: TlsTrust;
  /** QUIC and TLS, unless given. */
  readonly carriers?: readonly CarrierKind[];
  readonly connect?: (options: ConnectOptions) => Promise<Carrier>;
  /** For each answer that is waited for: of connecting, of the relay, of the device; 10 s or so unless given. */
  readonly timeoutMs?: number;
}

export interface DialRelay extends RelayReach {
  /** `host:port`, IPv6 in brackets. */
  readonly address: string;
  /** @param serverFingerprint of the certificate that this connection showed */
  readonly hello: (nonce: string, serverFingerprint: string) => Hello;
  readonly onStream: (stream: ByteStream) => void;
  /** On the control stream, after the welcome. `go_away` comes by itself. */
  readonly onMessage: (message: unknown) => void;
  /** The relay said it, or the connection is worn out: another one should be dialled. */
  readonly onGoAway: (afterMs: number) => void;
  readonly onClose: (end: StreamEnd) => void;
}

/** A carrier to a relay that has let us in. */
export interface RelayLine {
  readonly address: string;
  readonly carrier: Carrier;
  readonly control: MessageStream;
}

/** @throws StreamReset `unreachable` for a text that is no address */
export function hostAndPort(address: string): { host: string; port: number } {
  const [, host, port] = /^\[?([^[\]]+)\]?:([0-9]{1,5})$/.exec(address) ?? [];
  if (!host || !port) throw new StreamReset({ code: 'unreachable', detail: 'not an address of a relay' });
  return { host, port: Number(port) };
}

const retireMs = 60_000;

/** A relay said that it goes: what still goes over this line has so long to find another one. */
export function retire({ carrier }: RelayLine): void {
  setTimeout(() => void carrier.close({ code: 'closed' }), retireMs).unref();
}

const longestRetryMs = 5 * 60_000;

/**
 * Connects to a relay and is let in: its challenge, our hello, its welcome.
 *
 * @throws RelayRefused when it says no, StreamReset when it cannot be reached or is none
 */
export async function dialRelay(options: DialRelay): Promise<RelayLine> {
  const { address, trust, carriers, timeoutMs = 10_000 } = options;
  const carrier = await (options.connect ?? connect)({
    ...hostAndPort(address),
    timeoutMs,
    ...(trust && { trust }),
    ...(carriers && { carriers }),
  });
  carrier.onStream = options.onStream;
  return new Promise((resolve, reject) => {
    let isIn = false;
    const fail = (error: Error, end: StreamEnd) => {
      clearTimeout(timer);
      if (isIn) return;
      isIn = true;
      void carrier.close(end);
      reject(error);
    };
    const failWith = (end: StreamEnd) => fail(new StreamReset(end), end);
    const timer = setTimeout(() => failWith({ code: 'timeout', detail: 'the relay says nothing' }), timeoutMs);
    carrier.onClose = failWith;
    const control = new MessageStream(carrier.open());
    control.onReset = failWith;
    control.onEnd = () => failWith({ code: 'protocol', detail: 'the relay says nothing' });
    const welcomed = () => {
      clearTimeout(timer);
      isIn = true;
      carrier.onClose = options.onClose;
      carrier.onWorn = () => options.onGoAway(0);
      // A relay without its control stream cannot say what it must: as good as none.
      const lost = (end: StreamEnd) => void carrier.close(end);
      control.onReset = lost;
      control.onEnd = () => lost({ code: 'protocol', detail: 'control stream ended' });
      control.onMessage = (message) => {
        const going = safeParse(goAway, message);
        if (going.success) options.onGoAway(going.data.afterMs);
        else options.onMessage(message);
      };
      resolve({ address, carrier, control });
    };
    control.onMessage = (message) => {
      const asked = safeParse(challenge, message);
      if (asked.success) return void control.send(options.hello(asked.data.nonce, carrier.serverFingerprint));
      if (safeParse(welcome, message).success) return welcomed();
      const no = safeParse(refused, message);
      const { code, retryAfterMs = 0 } = no.success ? no.data : { code: 'version' as const };
      return fail(new RelayRefused(code, Math.min(Math.max(0, retryAfterMs), longestRetryMs)), { code: 'closed' });
    };
  });
}
