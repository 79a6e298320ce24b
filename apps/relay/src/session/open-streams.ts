import { StoreUnavailable } from '@gatehouse/event-store';
import { safeParse } from '@gatehouse/schema';
import { type GrantClaims, GrantError, MessageStream, type opened, openSession } from '@gatehouse/session';
import { type ByteStream, StreamReset } from '@gatehouse/transport';
import type { z } from 'zod';
import type { KnownDevice } from '../device/known-device.js';
import type { TableMirror } from '../mirror/table-mirror.js';
import type { Peers } from '../peer/peers.js';
import type { Tunnel } from '../tunnel/tunnel.js';
import type { TunnelRow } from '../tunnel/tunnel-row.js';
import type { Tunnels } from '../tunnel/tunnels.service.js';
import { type HeldStream, holdFirstMessage, type Released } from '../wire/held-stream.js';
import { type Splice, splice } from '../wire/splice.js';
import type { Rates } from './counters.js';
import { type GrantKeys, GrantKeysUnknown } from './grant-keys.js';
import type { ClientLine } from './live-session.js';
import type { Sessions } from './sessions.service.js';
import type { StreamLimits } from './stream-limits.js';

export type Refused = Extract<z.infer<typeof opened>, { type: 'refused' }>;

export interface OpenStreamsOptions {
  readonly relayId: string;
  readonly keys: GrantKeys;
  readonly devices: TableMirror<KnownDevice>;
  readonly tunnels: Tunnels;
  readonly directory: TableMirror<TunnelRow>;
  readonly sessions: Sessions;
  readonly limits: StreamLimits;
  /** Streams that one address may ask for. */
  readonly rates: Rates;
  readonly peers: Peers | undefined;
  /** How the address of a client is recorded. */
  readonly sourceOf: (claims: GrantClaims, address: string) => string;
  readonly onError: (error: Error) => void;
}

/** Who opened a stream: a client at this address, or another relay on behalf of one. */
export type Opener = { readonly client: string; readonly line: ClientLine } | { readonly peer: string };

/** What is shown for a stream, where its client is said to be, and over which line it came. */
interface Asked {
  readonly grant: string;
  readonly from: string | undefined;
  readonly line?: ClientLine;
}

const firstMessageMs = 10_000;
const isRefused = (answer: object): answer is { readonly code: Refused['code']; readonly retryAfterMs?: number } =>
  'code' in answer;
const refusal = (code: Refused['code'], retryAfterMs?: number): Refused => ({
  type: 'refused',
  code,
  ...(retryAfterMs !== undefined && { retryAfterMs }),
});

/** What a grant that does not hold is called for whoever showed it. */
const codeOf = ({ code }: GrantError): Refused['code'] =>
  code === 'expired' ? 'expired' : code === 'wrong_device' ? 'wrong_device' : 'bad_grant';

/**
 * Streams that somebody opens for a session: the grant is checked, the device is found, here or at another relay, and the
 * two are joined. What runs between them is sealed, and not for us.
 */
export class OpenStreams {
  readonly #options: OpenStreamsOptions;
  readonly refused = new Map<Refused['code'], number>();

  constructor(options: OpenStreamsOptions) {
    this.#options = options;
  }

  /** Takes a stream over. To be called in the turn in which it was got. */
  take(stream: ByteStream, opener: Opener): void {
    void this.#serve(stream, opener).catch((error: Error) => {
      if (error instanceof StreamReset) return;
      this.#options.onError(error);
      stream.reset({ code: 'internal' });
    });
  }

  async #serve(stream: ByteStream, opener: Opener): Promise<void> {
    const held = await holdFirstMessage(stream, firstMessageMs);
    const answer = await this.#open(held, opener);
    if (!answer) return;
    this.refused.set(answer.code, (this.refused.get(answer.code) ?? 0) + 1);
    held.send(answer);
    const { stream: rest } = held.release();
    rest.end();
  }

  /** A client's connection is closed, and it said that it is done. */
  left(line: ClientLine): void {
    this.#options.sessions.left(line);
  }

  /** Undefined: the streams are joined. */
  async #open(held: HeldStream, opener: Opener): Promise<Refused | undefined> {
    const message = safeParse(openSession, held.value);
    if (!message.success) return refusal('bad_grant');
    const { grant, source } = message.data;
    if ('client' in opener && !this.#options.rates.take(opener.client, performance.now()))
      return refusal('limit', 1_000);
    const claims = await this.#verify(grant);
    if ('type' in claims) return claims;
    const device = this.#options.devices.get(claims.aud);
    if (!device || device.tenantId !== claims.tenantId || device.removed) return refusal('wrong_device');
    // What a peer says of its client's address is believed; what a client says of its own is not.
    const from = 'client' in opener ? this.#options.sourceOf(claims, opener.client) : source;
    if (this.#options.tunnels.get(claims.aud))
      return this.#joinDevice(held, claims, { grant, from, ...('line' in opener && { line: opener.line }) });
    if ('client' in opener) return this.#joinPeer(held, claims, grant, from);
    return refusal('device_offline', 1_000);
  }

  async #verify(grant: string): Promise<GrantClaims | Refused> {
    try {
      return await this.#options.keys.verify(grant);
    } catch (error) {
      if (error instanceof GrantError) return refusal(codeOf(error));
      if (error instanceof GrantKeysUnknown) return refusal('unavailable', 1_000);
      throw error;
    }
  }

  async #joinDevice(
    held: HeldStream,
    claims: GrantClaims,
    { grant, from: source, line }: Asked,
  ): Promise<Refused | undefined> {
    const { limits, sessions, tunnels } = this.#options;
    let leave = limits.enter(claims);
    if (!leave) return refusal('limit', 1_000);
    try {
      const session = await sessions.admit(claims, source);
      if (isRefused(session)) return refusal(session.code, session.retryAfterMs);
      // The device may have come back by another tunnel meanwhile.
      const current = tunnels.get(claims.aud);
      const device = current && openOn(current);
      if (!device || !('onData' in device)) {
        sessions.unused(session, 'device_lost');
        return device ?? refusal('device_offline', 1_000);
      }
      new MessageStream(device).send({ type: 'open', grant, ...(source !== undefined && { source }) });
      const joined = this.#join(held, { stream: device, ended: false });
      if (!joined) return void sessions.unused(session, 'client_lost');
      sessions.attach(session, joined, leave, line);
      leave = undefined;
      return undefined;
    } catch (error) {
      if (error instanceof StoreUnavailable) return refusal('unavailable', 1_000);
      throw error;
    } finally {
      leave?.();
    }
  }

  /** One hop at most: what a peer opens here is never handed on. */
  async #joinPeer(
    held: HeldStream,
    claims: GrantClaims,
    grant: string,
    source: string | undefined,
  ): Promise<Refused | undefined> {
    const { directory, peers, relayId } = this.#options;
    const row = directory.get(claims.aud);
    if (!row?.open || row.relayId === relayId || !peers) return refusal('device_offline', 1_000);
    const there = await peers.open(row, { type: 'open', grant, ...(source !== undefined && { source }) });
    if ('code' in there) return refusal(there.code, there.retryAfterMs);
    this.#join(held, there.release());
    return undefined;
  }

  /** Undefined: the client gave its stream up meanwhile. */
  #join(held: HeldStream, other: Released): Splice | undefined {
    try {
      const client = held.release();
      held.send({ type: 'opened' });
      return splice(client, other);
    } catch (error) {
      if (!(error instanceof StreamReset)) throw error;
      other.stream.reset(error.end);
      return undefined;
    }
  }
}

function openOn({ carrier }: Tunnel): ByteStream | Refused {
  try {
    return carrier.open();
  } catch (error) {
    if (!(error instanceof StreamReset)) throw error;
    return error.end.code === 'limit' ? refusal('limit', 1_000) : refusal('device_offline', 1_000);
  }
}
