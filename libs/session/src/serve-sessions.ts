import type { KeyObject } from 'node:crypto';
import type { KeyPair } from '@gatehouse/noise';
import { safeParse } from '@gatehouse/schema';
import type { ByteStream } from '@gatehouse/transport';
import { type ReportStore, Reports } from './device/reports.js';
import { type DeviceLimits, ServedSessions } from './device/served-sessions.js';
import { Tunnel, type TunnelState } from './device/tunnel.js';
import type { RefusalOfRelay, RelayReach } from './dial-relay.js';
import type { SessionHandlers } from './frame-stream.js';
import type { GrantClaims } from './grant.js';
import { type GrantKey, grantKeyRing } from './grants.js';
import { endSession, openSession, reportsTaken } from './hello.js';
import { MessageStream } from './message-stream.js';
import type { OpenMessage } from './messages.js';

const firstMessageMs = 10_000;

/** What may change while the device runs. */
export interface DeviceFacts {
  /** Ed25519 private key: who the device is. */
  readonly identity: KeyObject;
  /** X25519: what sessions are sealed to, the newest first; the one before it until its grants have run out. */
  readonly sessionKeys: readonly KeyPair[];
  /** The registry's: pinned when the device was approved. */
  readonly grantKeys: readonly GrantKey[];
  /** `host:port` each. */
  readonly relays: readonly string[];
}

export interface ServeSessionsOptions extends DeviceFacts, RelayReach {
  readonly deviceId: string;
  /** Shown to relays: name and version of the runtime. */
  readonly agent: string;
  readonly handlers: SessionHandlers;
  /** Asks whoever sits at the device about a session whose grant wants that. Without it, such a session is refused. */
  readonly approve?: (grant: GrantClaims, open: OpenMessage) => Promise<boolean>;
  readonly limits?: DeviceLimits;
  readonly onState?: (state: TunnelState) => void;
  readonly onRefused?: (code: RefusalOfRelay) => void;
  /** Keeps reports that no relay took beyond this process; without it they are lost with it. */
  readonly reports?: ReportStore;
  /** So many reports were dropped so far, because no relay took them. */
  readonly onReportsDropped?: (count: number) => void;
}

export interface SessionServer {
  readonly state: TunnelState;
  readonly counts: { readonly sessions: number; readonly streams: number; readonly reports: number };
  /** Counts for whatever begins from now on. */
  update(facts: Partial<DeviceFacts>): void;
  /** Ends one session: somebody at the device wants it. */
  end(sid: string, code: string): void;
  /** Ends all sessions with `code`, tells the relay, and stops. */
  close(code: string): Promise<void>;
}

/**
 * The device's side: keeps a tunnel, and serves the sessions that come through it. A relay is believed nothing: who may do what is
 * read from grants that the registry signed, inside a channel that ends here.
 *
 * @example
 * const server = serveSessions({ deviceId, identity, sessionKeys, grantKeys, relays, agent: 'gatehouse/1.0', handlers: { shell } });
 * server.close('stopping');
 */
export function serveSessions(options: ServeSessionsOptions): SessionServer {
  let facts: DeviceFacts = options;
  let ring = grantKeyRing(options.grantKeys);
  let state: TunnelState = { status: 'connecting' };
  const reports = new Reports(options.onReportsDropped, options.reports);
  const sessions = new ServedSessions({
    deviceId: options.deviceId,
    sessionKeys: () => facts.sessionKeys,
    grantKeys: () => ring,
    handlers: options.handlers,
    report: (sid, event) => reports.add(sid, event),
    approve: options.approve,
    limits: options.limits ?? {},
  });
  const tunnel = new Tunnel({
    deviceId: options.deviceId,
    identity: () => facts.identity,
    relays: () => facts.relays,
    reach: options,
    agent: options.agent,
    onStream: (stream) => takeStream(stream, sessions),
    onMessage: (message) => {
      const ended = safeParse(endSession, message);
      if (ended.success) sessions.endSession(ended.data.sid, ended.data.code);
      const taken = safeParse(reportsTaken, message);
      if (taken.success) reports.taken(taken.data.n);
    },
    onOnline: ({ control }) => reports.sendTo((report) => control.send(report)),
    onOffline: () => reports.hold(),
    onState: (next) => {
      state = next;
      options.onState?.(next);
    },
    onRefused: (code) => {
      // Of no use to a relay that lies: it may end each session that comes through it anyway.
      if (code === 'removed') sessions.endAll('revoked');
      options.onRefused?.(code);
    },
  });
  const ran = tunnel.run();
  return {
    get state() {
      return state;
    },
    get counts() {
      const { sessions: open, streams } = sessions.counts;
      return { sessions: open, streams, reports: reports.waiting };
    },
    update: (changed) => {
      if (changed.grantKeys) ring = grantKeyRing(changed.grantKeys);
      facts = { ...facts, ...changed };
      if (changed.relays) tunnel.hurry();
    },
    end: (sid, code) => sessions.endSession(sid, code),
    close: async (code) => {
      sessions.close(code);
      // What clients are told is sealed and sent at the end of this turn.
      await new Promise((next) => setImmediate(next));
      await tunnel.close({ code: 'closed' });
      await ran;
    },
  };
}

/** Reads what the relay says of a stream; the rest is the client's. */
function takeStream(stream: ByteStream, sessions: ServedSessions): void {
  const messages = new MessageStream(stream);
  const timer = setTimeout(() => messages.reset({ code: 'timeout' }), firstMessageMs);
  messages.onEnd = messages.onReset = () => clearTimeout(timer);
  messages.onMessage = (message) => {
    clearTimeout(timer);
    const opened = safeParse(openSession, message);
    if (opened.success) sessions.accept(messages.release(), opened.data.source);
    else messages.reset({ code: 'protocol' });
  };
}
