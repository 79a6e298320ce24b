import { readFileSync } from 'node:fs';
import { loadOrCreateEd25519, pseudonym } from '@gatehouse/crypto';
import { GroupCommit } from '@gatehouse/event-store';
import { type Certificate, readCertificate, watchCertificate } from '@gatehouse/http';
import { type Listener, listen } from '@gatehouse/transport';
import type { Area, AreaContext, AreaParts } from '../area.js';
import { DeviceReports } from '../device/device-reports.js';
import { grantedUntil, importDevices } from '../device/import-devices.js';
import { deviceChannel, type KnownDevice, selectDevices } from '../device/known-device.js';
import { TableMirror } from '../mirror/table-mirror.js';
import { Peers } from '../peer/peers.js';
import { announceFacts, factChannel, mayChangeFacts, parseFactChange } from '../recheck/announce-facts.js';
import { Recheck } from '../recheck/recheck.js';
import { Rates } from '../session/counters.js';
import { GrantKeys } from '../session/grant-keys.js';
import { OpenStreams } from '../session/open-streams.js';
import { PolicyCheck } from '../session/policy-check.js';
import { RelaySessionsController } from '../session/relay-sessions.controller.js';
import { cutChannel, SessionList } from '../session/session-list.js';
import { SessionLog } from '../session/session-log.js';
import { sessionsProjection } from '../session/sessions.projection.js';
import { Sessions } from '../session/sessions.service.js';
import { StreamLimits } from '../session/stream-limits.js';
import type { RelaySettings } from '../settings.js';
import { Pace } from '../tunnel/pace.js';
import { RelayLeases } from '../tunnel/relay-leases.js';
import { Remains } from '../tunnel/remains.js';
import { TunnelLog } from '../tunnel/tunnel-log.js';
import { selectTunnels, type TunnelRow, tunnelChannel } from '../tunnel/tunnel-row.js';
import { TunnelsController } from '../tunnel/tunnels.controller.js';
import { tunnelsProjection } from '../tunnel/tunnels.projection.js';
import { Tunnels } from '../tunnel/tunnels.service.js';
import { Insistence } from '../wire/insistence.js';
import { FrontDoor } from './front-door.js';
import { housekeeping } from './housekeeping.js';
import { registerMetrics } from './metrics.js';

/** Devices, clients and other relays: who is connected, and what runs between them. */
export const relayArea: Area = {
  channels: [deviceChannel, tunnelChannel, factChannel, cutChannel],
  inline: [tunnelsProjection],
  compose,
};

function compose(context: AreaContext): AreaParts {
  const { platform, settings } = context;
  platform.project(sessionsProjection);
  const exclusive = { parks: true, exclusive: true } as const;
  platform.consume({ durable: 'relay_devices', sources: ['registry'], ...exclusive, apply: importDevices });
  platform.consume({
    durable: 'relay_facts',
    sources: ['policy'],
    ...exclusive,
    concerns: mayChangeFacts,
    apply: announceFacts,
  });
  const parts = partsOf(context);
  const { log, tunnels, sessions, recheck, keys, devices, directory, insistence, peers } = parts;
  const { door, streams } = doorOf(context, parts);
  const home = housekeeping(platform, { settings, remains: parts.remains, tunnels, sessions, leases: parts.leases });
  const removeMetrics = registerMetrics({ door, streams, ...parts });
  let listener: Listener | undefined;
  let unwatch: (() => void) | undefined;
  return {
    controllers: [TunnelsController, RelaySessionsController],
    providers: [{ provide: SessionList, useValue: new SessionList(platform.database.request, log) }],
    checks: [{ name: 'devices', check: async () => (devices.loaded ? 'ok' : { problem: 'devices are being loaded' }) }],
    start: async () => {
      for (const mirror of [devices, directory]) mirror.start();
      platform.bus.whenConnected(() => keys.start());
      recheck.start();
      followFacts(context, parts);
      home.start();
      listener = await listenFor(context, door);
      unwatch = watchCertificate(certificateFiles(settings), {
        onChange: (certificate) => {
          const { certificate: chain, key } = pemOf(certificate);
          listener?.renew(chain, key);
          platform.logger.info({ notAfter: certificate.notAfter }, 'a renewed certificate is shown from now on');
        },
        onError: platform.warn('the certificate was not renewed; the old one stays in use'),
      });
      platform.logger.info({ port: listener.port, host: settings.RELAY_HOST }, 'taking devices and clients');
    },
    stop: async () => {
      tunnels.stopping = true;
      unwatch?.();
      await listener?.close();
      await door.leave(settings.RELAY_DRAIN_SECONDS * 1_000);
      recheck.stop();
      await peers?.stop({ code: 'unavailable' });
      await insistence.finish(finishMs);
      await home.stop();
      await keys.stop();
      await Promise.all([devices.stop(), directory.stop()]);
      removeMetrics();
    },
  };
}

const finishMs = 5_000;

type Parts = ReturnType<typeof partsOf>;

function partsOf({ platform, settings, store }: AreaContext) {
  const { database, wake, callers } = platform;
  const query = database.system;
  const connection = () => platform.bus.nc;
  const relayId = settings.RELAY_ID;
  const mirrored = { query, wake };
  const devices = new TableMirror<KnownDevice>({
    ...mirrored,
    channel: deviceChannel,
    select: selectDevices,
    idOf: ({ deviceId }) => deviceId,
    onError: platform.warn('devices could not be read'),
  });
  const directory = new TableMirror<TunnelRow>({
    ...mirrored,
    channel: tunnelChannel,
    select: selectTunnels,
    idOf: ({ deviceId }) => deviceId,
    onError: platform.warn('tunnels could not be read'),
  });
  const commits = new GroupCommit({ service: 'relay', pool: query });
  const log = new SessionLog({ store, commits });
  const tunnelLog = new TunnelLog({ store, pool: database.request, relayId });
  const onError = platform.warn('what became of a tunnel or a session could not be recorded, and will be');
  const insistence = new Insistence({ atOnce: 16, maxWaiting: 50_000, onError });
  const tunnels = new Tunnels({
    relayId,
    peerAddress: settings.RELAY_PEER_ADDRESS ?? `${settings.RELAY_HOST}:${settings.RELAY_PORT}`,
    devices,
    directory,
    log: tunnelLog,
    pace: new Pace(settings.RELAY_TUNNELS_PER_SECOND),
    insistence,
  });
  const policy = new PolicyCheck({ callers, connection });
  const [leaseMs, resumeMs] = [settings.RELAY_LEASE_SECONDS * 1_000, settings.RELAY_RESUME_SECONDS * 1_000];
  const sessions = new Sessions({ relayId, tunnels, log, policy, insistence, resumeMs });
  const reports = new DeviceReports({ sessions, log, onError });
  tunnels.listen((tunnel, message) => reports.take(tunnel, message));
  const remains: Remains = new Remains({
    query,
    tunnels: tunnelLog,
    sessions: log,
    leaseMs,
    resumeMs,
    isSilenceTheirs: () => leases.isUnbroken,
  });
  const leases = new RelayLeases({
    query,
    relayId,
    leaseMs,
    onBegun: async () => {
      await remains.tunnelsOf(relayId);
      tunnels.ready = true;
    },
    onTakenOver: () => platform.logger.error({ relayId }, 'another process has this name: this one takes nobody'),
    onError: platform.warn('the lease of this relay could not be renewed'),
  });
  const recheck = new Recheck({
    sessions,
    policy,
    heardAtMs: () => leases.renewedAtMs,
    uncheckedMs: settings.RELAY_UNCHECKED_SECONDS * 1_000,
    grantedUntil: (sessionId) => grantedUntil(query, sessionId),
    onError: platform.warn('sessions could not be checked'),
  });
  const keys = new GrantKeys({ connection, onError: platform.warn('the registry could not be asked for its keys') });
  const peers = peersOf(settings, platform);
  return { devices, directory, log, insistence, tunnels, sessions, remains, leases, recheck, keys, peers };
}

function peersOf(settings: AreaContext['settings'], platform: AreaContext['platform']): Peers | undefined {
  const { RELAY_PEER_KEY_FILE: file, RELAY_CA_FILE: caFile, RELAY_ID: relayId } = settings;
  if (file === undefined) return undefined;
  return new Peers({
    relayId,
    key: loadOrCreateEd25519(file).privateKey,
    ca: caFile === undefined ? undefined : readFileSync(caFile, 'utf8'),
    limits: limitsOf(settings),
    onError: platform.warn('another relay could not be reached'),
  });
}

/** A peer carries the streams of many clients. */
const limitsOf = ({ RELAY_IDLE_SECONDS }: AreaContext['settings']) => ({
  streams: 4_096,
  idleMs: RELAY_IDLE_SECONDS * 1_000,
  keepAliveMs: Math.max(100, Math.floor((RELAY_IDLE_SECONDS * 1_000) / 3)),
});

function doorOf({ platform, settings }: AreaContext, parts: Parts) {
  const { keys, devices, tunnels, directory, sessions, peers } = parts;
  const relayId = settings.RELAY_ID;
  const onError = platform.warn('a connection failed');
  const streams = new OpenStreams({
    relayId,
    keys,
    devices,
    tunnels,
    directory,
    sessions,
    limits: new StreamLimits({
      perDevice: settings.RELAY_STREAMS_PER_DEVICE,
      perSubject: settings.RELAY_STREAMS_PER_SUBJECT,
      perTenant: settings.RELAY_STREAMS_PER_TENANT,
    }),
    rates: new Rates(settings.RELAY_OPENS_PER_ADDRESS),
    peers,
    // The address of a person is personal data; that of a service is not.
    sourceOf: ({ subject }, address) => (subject.type === 'service' ? address : pseudonym(platform.pepper, address)),
    onError,
  });
  const [maxCarriers, maxPerAddress] = [settings.RELAY_CARRIERS, settings.RELAY_CARRIERS_PER_ADDRESS];
  return { streams, door: new FrontDoor({ relayId, tunnels, streams, peers, onError, maxCarriers, maxPerAddress }) };
}

/** What may end sessions: changes of what policy knows, of callers, of devices, and somebody's word. */
function followFacts({ platform }: AreaContext, { recheck, sessions, devices, log }: Parts): void {
  const { wake, callers } = platform;
  wake.listen((channel, payload) => {
    if (channel === factChannel) {
      const change = parseFactChange(payload);
      if (change) recheck.doubt(({ claims }) => claims.tenantId === change.tenantId, change.cause, change.position);
    } else if (channel === cutChannel) void cutIfRevoked(payload).catch(platform.warn('a session could not be cut'));
  });
  wake.onReconnect(() => {
    recheck.doubt(() => true, 'reconnected');
    for (const { claims } of sessions.values())
      void cutIfRevoked(claims.sid).catch(platform.warn('a session could not be cut'));
  });
  callers.listen(() => recheck.checkCallers());
  devices.listen((deviceId, device) => {
    if (device && !device.removed) return;
    for (const session of sessions.values())
      if (session.claims.aud === deviceId)
        sessions.end(session, { reason: 'removed', revoked: { cause: 'device.removed' } });
  });
  const cutIfRevoked = async (sessionId: string) => {
    const session = sessions.get(sessionId);
    if (!session || session.ending) return;
    const { tenantId } = session.place;
    const { revoked } = await log.read({ tenantId, sessionId });
    session.place.logged = undefined;
    if (revoked) sessions.end(session, { reason: 'revoked', revoked });
  };
}

const certificateFiles = ({ RELAY_CERT_FILE, RELAY_KEY_FILE }: RelaySettings) => ({
  certFile: RELAY_CERT_FILE,
  keyFile: RELAY_KEY_FILE,
});
const pemOf = ({ cert, key }: Certificate) => ({ certificate: cert.toString('utf8'), key: key.toString('utf8') });

const listenFor = ({ platform, settings }: AreaContext, door: FrontDoor): Promise<Listener> =>
  listen({
    host: settings.RELAY_HOST,
    port: settings.RELAY_PORT,
    ...pemOf(readCertificate(certificateFiles(settings), new Date())),
    limits: limitsOf(settings),
    onCarrier: (carrier) => door.take(carrier),
    onError: platform.warn('somebody could not connect'),
  });
