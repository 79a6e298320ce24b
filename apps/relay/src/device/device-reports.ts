import { pause } from '@gatehouse/event-store';
import { safeParse } from '@gatehouse/schema';
import { type SessionReport, sessionReport } from '@gatehouse/session';
import type { SessionEvent, SessionLog } from '../session/session-log.js';
import type { Sessions } from '../session/sessions.service.js';
import type { Tunnel } from '../tunnel/tunnel.js';

export interface DeviceReportsOptions {
  readonly sessions: Sessions;
  readonly log: SessionLog;
  readonly onError: (error: Error) => void;
}

/** Reports of one tunnel that wait to be recorded; what comes beyond is told again over the next one. */
const maxWaiting = 4_096;
const retryMs = 500;
/** Words with which a device refuses a session that are kept: more than there are, and few for one that makes them up. */
const maxRefusals = 16;

type Report = SessionReport['event'];

/** What devices say became of sessions: what a command ended with, and the hashes of recordings. Nothing of another device's is taken. */
export class DeviceReports {
  readonly #options: DeviceReportsOptions;
  readonly #queues = new WeakMap<Tunnel, { work: Promise<void>; waiting: number }>();

  constructor(options: DeviceReportsOptions) {
    this.#options = options;
  }

  take(tunnel: Tunnel, message: unknown): void {
    const report = safeParse(sessionReport, message);
    // A word that is not known here is one of a newer device's.
    if (!report.success) return;
    const { sid, event, n } = report.data;
    if (event.kind === 'exit') this.#options.sessions.noteExit(tunnel, sid, { code: event.code, signal: event.signal });
    const queue = this.#queues.get(tunnel) ?? { work: Promise.resolve(), waiting: 0 };
    this.#queues.set(tunnel, queue);
    if (queue.waiting >= maxWaiting) return;
    queue.waiting++;
    // One after the other: what is said to be taken is taken with all before it.
    queue.work = queue.work.then(async () => {
      const isTaken = await this.#insist(tunnel, sid, event);
      queue.waiting--;
      if (isTaken && n !== undefined) tunnel.control.send({ type: 'reports_taken', n });
    });
  }

  /** Until it is recorded, or the tunnel is gone: then it is told again over the next one. */
  async #insist(tunnel: Tunnel, sessionId: string, event: Report): Promise<boolean> {
    while (!tunnel.gone) {
      try {
        await this.#record(tunnel, sessionId, event);
        return true;
      } catch (error) {
        this.#options.onError(error as Error);
        await pause(retryMs);
      }
    }
    return false;
  }

  /** A recording is evidence also when its session has ended: who ends it may be whom it shows. */
  async #record({ tenantId, deviceId }: Tunnel, sessionId: string, event: Report): Promise<void> {
    // Kept by whoever has the session, for its end; a device tells it again to whoever goes on with it.
    if (event.kind === 'exit') return;
    const place = this.#options.sessions.get(sessionId)?.place ?? { tenantId, sessionId };
    if (place.tenantId !== tenantId) return;
    await this.#options.log.append(place, { type: 'device', id: deviceId }, (logged): readonly SessionEvent[] => {
      if (logged.deviceId !== deviceId) return [];
      if (event.kind === 'refused') {
        const { code } = event;
        if (logged.refused.includes(code) || logged.refused.length >= maxRefusals) return [];
        return [{ type: 'device.session.refused', data: { sessionId, deviceId, code } }];
      }
      if (event.kind === 'recording_chunk') {
        const { index, bytes, sha256 } = event;
        // Told again by a device that does not know whether it was heard.
        if (index < logged.chunks) return [];
        return [{ type: 'recording.chunk_recorded', data: { sessionId, deviceId, index, bytes, sha256 } }];
      }
      if (logged.recordingOver) return [];
      const type = event.truncated ? 'recording.truncated' : 'recording.closed';
      return [{ type, data: { sessionId, deviceId, chunks: event.chunks } }];
    });
  }
}
