import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { safeParse } from '@gatehouse/schema';
import { challenge, type Hello, helloText, MessageStream, opened, welcome } from '@gatehouse/session';
import { type Carrier, type CarrierLimits, connect, type StreamEnd, StreamReset } from '@gatehouse/transport';
import type { z } from 'zod';
import { type Greeting, isSigned } from '../tunnel/hello-signature.js';
import { type HeldStream, holdFirstMessage } from '../wire/held-stream.js';

export interface PeersOptions {
  readonly relayId: string;
  /** Ed25519; all relays have the same. */
  readonly key: KeyObject;
  /** PEM: authorities of the relays' certificates; the system's unless given. */
  readonly ca: string | undefined;
  readonly limits: CarrierLimits;
  readonly onError: (error: Error) => void;
}

/** Where a device's tunnel is. */
export interface PeerPlace {
  readonly relayId: string;
  readonly relayAddress: string;
}

type Refused = Extract<z.infer<typeof opened>, { type: 'refused' }>;

const dialMs = 3_000;
const answerMs = 10_000;
/** A relay that could not be reached is not tried again at once: its device will come to another one. */
const restMs = 500;

/** The other relays: one connection to each that is needed, kept as long as it stands. */
export class Peers {
  readonly #options: PeersOptions;
  readonly #publicKey: KeyObject;
  readonly #carriers = new Map<string, Promise<Carrier>>();
  readonly #restingUntilMs = new Map<string, number>();

  constructor(options: PeersOptions) {
    this.#options = options;
    this.#publicKey = createPublicKey(options.key);
  }

  /** How many relays this one has dialled. */
  get size(): number {
    return this.#carriers.size;
  }

  /** Whether a relay that dialled us is one of ours. */
  isPeer({ relayId, signature }: Extract<Hello, { role: 'relay' }>, greeting: Greeting): boolean {
    return isSigned('relay', relayId, signature, greeting, this.#publicKey);
  }

  /** Opens a session's stream at the relay that has the device; once it has answered, what follows waits in the stream. */
  async open(place: PeerPlace, question: object): Promise<HeldStream | Omit<Refused, 'type'>> {
    try {
      const carrier = await this.#carrier(place);
      const held = await holdFirstMessage(carrier.open(), answerMs, question);
      const answer = opened.parse(held.value);
      if (answer.type === 'opened') return held;
      held.release().stream.end();
      return answer;
    } catch (error) {
      this.#options.onError(error as Error);
      return { code: 'device_offline', retryAfterMs: 1_000 };
    }
  }

  async stop(end: StreamEnd): Promise<void> {
    const carriers = await Promise.allSettled(this.#carriers.values());
    await Promise.all(carriers.map((dialled) => dialled.status === 'fulfilled' && dialled.value.close(end)));
  }

  #carrier({ relayId, relayAddress }: PeerPlace): Promise<Carrier> {
    const known = this.#carriers.get(relayAddress);
    if (known) return known;
    if ((this.#restingUntilMs.get(relayAddress) ?? 0) > performance.now())
      return Promise.reject(
        new StreamReset({ code: 'unreachable', detail: 'the relay could not be reached a moment ago' }),
      );
    const forget = () => void this.#carriers.delete(relayAddress);
    const carrier = this.#dial(relayId, relayAddress, forget);
    this.#carriers.set(relayAddress, carrier);
    carrier.then(
      () => this.#restingUntilMs.delete(relayAddress),
      () => {
        forget();
        this.#restingUntilMs.set(relayAddress, performance.now() + restMs);
      },
    );
    return carrier;
  }

  async #dial(relayId: string, address: string, onClose: () => void): Promise<Carrier> {
    const { ca, limits } = this.#options;
    const { host, port } = splitAddress(address);
    const carrier = await connect({
      host,
      port,
      carriers: ['tls'],
      timeoutMs: dialMs,
      limits,
      ...(ca && { trust: { ca } }),
    });
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        clearTimeout(timer);
        reject(error);
        void carrier.close({ code: 'protocol' });
      };
      const timer = setTimeout(() => fail(new StreamReset({ code: 'timeout' })), dialMs);
      carrier.onStream = (stream) => stream.reset({ code: 'protocol' });
      carrier.onClose = (end) => {
        onClose();
        fail(new StreamReset(end));
      };
      const control = new MessageStream(carrier.open());
      control.onReset = (end) => fail(new StreamReset(end));
      control.onMessage = (message) => {
        const asked = safeParse(challenge, message);
        if (!asked.success) fail(new StreamReset({ code: 'protocol', detail: 'not a challenge' }));
        // At that address is another relay by now: what it has is in the directory in a moment.
        else if (asked.data.relayId !== relayId)
          fail(new StreamReset({ code: 'unreachable', detail: 'another relay' }));
        else {
          control.onMessage = (answer) => {
            if (!safeParse(welcome, answer).success) return fail(new StreamReset({ code: 'refused' }));
            clearTimeout(timer);
            // Later words, such as that it will stop, change nothing here: its tunnels go elsewhere by themselves.
            control.onMessage = () => undefined;
            resolve(carrier);
          };
          control.send(this.#hello({ nonce: asked.data.nonce, serverFingerprint: carrier.serverFingerprint }));
        }
      };
    });
  }

  #hello({ nonce, serverFingerprint }: Greeting): Hello {
    const { relayId, key } = this.#options;
    const text = helloText('relay', relayId, nonce, serverFingerprint);
    const signature = sign(null, Buffer.from(text, 'utf8'), key).toString('base64url');
    return { type: 'hello', role: 'relay', version: 1, relayId, signature };
  }
}

/** `host:port`, with an IPv6 address in brackets. @throws RangeError */
export function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const [, host, port] = /^\[?(.+?)\]?:(\d{1,5})$/.exec(address) ?? [];
  if (host === undefined || port === undefined) throw new RangeError('is not host:port');
  return { host, port: Number(port) };
}
