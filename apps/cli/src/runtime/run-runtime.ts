import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type SessionServer, serveSessions } from '@gatehouse/session';
import type { TlsTrust } from '@gatehouse/transport';
import { Client } from '../client.js';
import { exitCodes, Failure, usageFailure } from '../failure.js';
import { keepDeviceKey, readDeviceKey } from '../settings/credentials.js';
import type { Settings } from '../settings/settings.js';
import { ownVersion } from '../version.js';
import type { World } from '../world.js';
import type { Approve } from './approve.js';
import { dataFolder, tagOf } from './data-folder.js';
import { Unfinished } from './files/unfinished.js';
import { sessionHandlers } from './handlers.js';
import type { RuntimeHost } from './host.js';
import { RuntimeLog } from './log/runtime-log.js';
import { endStrays } from './process/end-processes.js';
import { findLoginShell, ownAccount } from './process/login-shell.js';
import { PipeMaker } from './process/pipes.js';
import { KeptReports } from './recording/kept-reports.js';
import { RecordingFolder } from './recording/recording-folder.js';
import { DeviceFiles, type DeviceState } from './registration/device-files.js';
import { isRemoved, keepHeartbeats } from './registration/heartbeats.js';
import { type OwnerFlags, ownerFrom } from './registration/owner.js';
import { refusal, registerDevice } from './registration/register-device.js';
import { RegistryApi } from './registration/registry-api.js';
import { readSystem } from './registration/system-information.js';
import { InstanceLock } from './service/instance-lock.js';
import { type RuntimeStatus, removeStatus, writeStatus } from './status.js';

export interface RuntimeOptions {
  readonly world: World;
  readonly settings: Settings;
  readonly owner: OwnerFlags;
  readonly approve?: Approve | undefined;
  readonly signal: AbortSignal;
}

/**
 * Serves sessions of this device until the signal: registers first where that is still to be done.
 *
 * @throws Failure when another one runs, nobody said whose the device is, or it was rejected or removed
 */
export async function runRuntime(options: RuntimeOptions): Promise<void> {
  if (process.platform !== 'linux') throw usageFailure('the runtime of devices needs Linux');
  const folder = dataFolder(options.world);
  const lock = InstanceLock.take(folder);
  if (lock === undefined)
    throw new Failure(exitCodes.negative, 'a runtime is running already', 'gatehouse runtime status shows it');
  const log = new RuntimeLog(join(folder, 'runtime.log'), options.world.writeError);
  try {
    await new Runtime(options, folder, log).run();
  } finally {
    removeStatus(folder);
    lock.release();
  }
}

const sweepMs = 3_600_000;

class Runtime {
  readonly #files: DeviceFiles;
  readonly #unfinished: Unfinished;
  #status: RuntimeStatus;

  constructor(
    private readonly options: RuntimeOptions,
    private readonly folder: string,
    private readonly log: RuntimeLog,
  ) {
    this.#files = new DeviceFiles(folder);
    this.#unfinished = new Unfinished(join(folder, 'uploads'));
    const known = this.#files.state();
    this.#status = {
      ...{ pid: process.pid, startedAt: new Date().toISOString(), url: options.settings.url.value },
      ...{ owner: known?.owner, registration: 'pending', fingerprint: this.#files.keys().fingerprint },
    };
  }

  async run(): Promise<void> {
    const tag = tagOf(this.folder);
    if (process.geteuid?.() === 0)
      this.log.write(4, 'warning: this runtime is root, and sessions act as root; give it an account of its own');
    // Of a runtime that was killed: nobody else would end them.
    const strays = await endStrays(tag);
    if (strays > 0) this.log.write(4, `${strays} programs of an earlier runtime were ended`);
    this.#tell({});
    const known = await this.#known();
    const { key, state } = known ?? (await this.#register());
    this.#tell({ registration: 'approved', deviceId: state.deviceId, name: state.name, owner: state.owner });
    const pipes = new PipeMaker();
    const sweep = () => void this.#unfinished.sweep(Date.now()).then((count) => this.#swept(count));
    const sweeping = setInterval(sweep, sweepMs).unref();
    sweep();
    try {
      await this.#serve(key, state, this.#host(tag, pipes));
    } finally {
      clearInterval(sweeping);
      pipes.close();
    }
  }

  #swept(count: number): void {
    if (count > 0) this.log.write(6, `${count} uploads that nobody went on with were removed`);
  }

  /** What an earlier run was given, or an environment that has the key; undefined: to be registered. */
  async #known(): Promise<{ key: string; state: DeviceState } | undefined> {
    const { settings, world } = this.options;
    const state = this.#files.state();
    const isHere = state?.url === settings.url.value;
    if (isHere && (state.status === 'removed' || state.status === 'rejected')) throw refusal(state.status);
    const preset = [world.env.GATEHOUSE_API_KEY, world.env.M87_API_KEY].find((key) => key?.trim().startsWith('m87_'));
    const key = preset?.trim() ?? readDeviceKey(settings.folder);
    if (key === undefined) return undefined;
    if (isHere && state.status === 'approved' && state.deviceId !== undefined) return { key, state };
    return preset === undefined ? undefined : { key, state: await this.#adopt(key) };
  }

  /** A device whose key came with its environment needs no approval: it was given before. */
  async #adopt(key: string): Promise<DeviceState> {
    const { deviceId, relays = [], grantKeys = [] } = await this.#api(key).heartbeat(readSystem());
    if (deviceId === undefined || grantKeys.length === 0)
      throw new Failure(exitCodes.unavailable, 'the registry does not tell which device this key is of');
    const url = this.options.settings.url.value;
    const state: DeviceState = { url, owner: 'preset', status: 'approved', deviceId, relays, grantKeys };
    this.#files.writeState(state);
    return state;
  }

  async #register(): Promise<{ key: string; state: DeviceState }> {
    const { settings, owner, world, signal } = this.options;
    const whose = ownerFrom(owner, world.env, this.#files.state()?.owner);
    if (whose === undefined)
      throw usageFailure('say whose device this is: --email ADDRESS or --org-id ID', 'Or set GATEHOUSE_OWNER');
    this.#tell({ owner: whose });
    const state = await registerDevice({
      ...{ api: this.#api(), files: this.#files, url: settings.url.value, owner: whose, signal },
      say: (text) => this.log.write(6, text),
      keepKey: (key) => keepDeviceKey(settings.folder, key),
    });
    return { key: readDeviceKey(settings.folder) ?? '', state };
  }

  async #serve(key: string, state: DeviceState, host: RuntimeHost): Promise<void> {
    const over = new AbortController();
    const stop = () => over.abort('stopping');
    this.options.signal.addEventListener('abort', stop, { once: true });
    const api = this.#api(key);
    const reports = new KeptReports(join(this.folder, 'reports.json'), ({ message }) =>
      this.log.write(4, `reports of sessions are not kept: ${message}`),
    );
    const server = this.#server(state, host, reports, () => {
      // A relay may say anything: the registry is asked.
      void isRemoved({ api, files: this.#files, state }).then((removed) => removed && over.abort('removed'));
    });
    const ended = await keepHeartbeats({
      ...{ api, files: this.#files, state, signal: over.signal },
      say: (priority, text) => this.log.write(priority, text),
      rekeyed: (next) => {
        keepDeviceKey(this.options.settings.folder, next);
        return this.#api(next);
      },
      changed: () => server.update(this.#facts(state)),
    });
    const wasRemoved = ended === 'removed' || over.signal.reason === 'removed';
    await server.close(wasRemoved ? 'removed' : 'stopping');
    await reports.flush();
    this.options.signal.removeEventListener('abort', stop);
    if (!wasRemoved) return;
    this.#files.writeState({ ...(this.#files.state() ?? state), status: 'removed' });
    throw refusal('removed');
  }

  #server(state: DeviceState, host: RuntimeHost, reports: KeptReports, onLastingRefusal: () => void): SessionServer {
    const { settings, approve } = this.options;
    return serveSessions({
      ...this.#facts(state),
      deviceId: state.deviceId ?? '',
      agent: `gatehouse/${ownVersion()}`,
      handlers: sessionHandlers(host),
      trust: trustOf(settings),
      ...(approve && { approve }),
      reports: { kept: reports.read(), changed: reports.changed },
      onState: (tunnel) => {
        this.#tell({ tunnel });
        this.log.write(6, describeTunnel(tunnel));
      },
      onRefused: (code) => {
        this.log.write(4, `a relay refuses this device: ${code}`);
        onLastingRefusal();
      },
      onReportsDropped: (count) => this.log.write(4, `${count} reports of sessions were dropped: no relay took them`),
    });
  }

  #facts(first: DeviceState) {
    const { grantKeys, relays } = this.#files.state() ?? first;
    const { identity, session } = this.#files.keys();
    const previous = this.#files.previousSession();
    return { identity, sessionKeys: [session, ...(previous ? [previous] : [])], grantKeys, relays };
  }

  #host(tag: string, pipes: PipeMaker): RuntimeHost {
    const { env } = this.options.world;
    const recordings = new RecordingFolder(join(this.folder, 'recordings'));
    const unfinished = this.#unfinished;
    const base = { env, account: ownAccount(), shell: findLoginShell(env), folder: this.folder };
    return { ...base, tag, pipes, recordings, unfinished, log: this.log };
  }

  #api(key?: string): RegistryApi {
    const { session: _session, apiKey: _key, ...settings } = this.options.settings;
    const apiKey = key === undefined ? {} : { apiKey: { value: key, from: 'the credentials of this device' } };
    const publicUrl = this.#files.state()?.publicUrl ?? settings.url.value;
    return new RegistryApi(new Client({ ...settings, ...apiKey }), publicUrl);
  }

  #tell(change: Partial<RuntimeStatus>): void {
    this.#status = { ...this.#status, ...change };
    writeStatus(this.folder, this.#status);
  }
}

/** The authorities of relays are those of the gateway, or the system's. */
function trustOf({ ca, trustInvalidCertificate }: Settings): TlsTrust {
  if (trustInvalidCertificate) return { trustAnything: true };
  return ca === undefined ? {} : { ca: readFileSync(ca.value, 'utf8') };
}

function describeTunnel(tunnel: NonNullable<RuntimeStatus['tunnel']>): string {
  if (tunnel.status === 'online') return `online: relay ${tunnel.relay} over ${tunnel.carrier}`;
  if (tunnel.status === 'connecting') return 'connecting to a relay';
  return `not connected (${tunnel.why}): next try in ${(tunnel.ms / 1_000).toFixed(1)} s`;
}
