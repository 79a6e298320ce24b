import { type SessionReport, sessionReport } from '@gatehouse/session';
import type { SessionEvent, SessionLog } from '../session/session-log.js';
import type { Sessions } from '../session/sessions.service.js';
import type { Tunnel } from '../tunnel/tunnel.js';
import type { Insistence } from '../wire/insistence.js';

export interface DeviceReportsOptions {
  readonly sessions: Sessions;
  readonly log: SessionLog;
  readonly insistence: Insistence;
}

type Report = SessionReport['event'];

/** What devices say became of sessions: what a command ended with, and the hashes of recordings. Nothing of another device's is taken. */
export class DeviceReports {
  readonly #options: DeviceReportsOptions;

  constructor(options: DeviceReportsOptions) {
    this.#options = options;
  }

  take(tunnel: Tunnel, message: unknown): void {
    const report = sessionReport.safeParse(message);
    // A word that is not known here is one of a newer device's.
    if (!report.success) return;
    const { sid, event } = report.data;
    const { sessions, insistence } = this.#options;
    if (event.kind === 'exit') sessions.noteExit(tunnel, sid, { code: event.code, signal: event.signal });
    else if (event.kind !== 'refused') insistence.add(() => this.#record(tunnel, sid, event));
  }

  /** A recording is evidence also when its session has ended: who ends it may be whom it shows. */
  async #record({ tenantId, deviceId }: Tunnel, sessionId: string, event: Report): Promise<void> {
    const place = this.#options.sessions.get(sessionId)?.place ?? { tenantId, sessionId };
    if (place.tenantId !== tenantId) return;
    await this.#options.log.append(place, { type: 'device', id: deviceId }, (logged): readonly SessionEvent[] => {
      if (logged.deviceId !== deviceId) return [];
      if (event.kind === 'recording_chunk') {
        const { index, bytes, sha256 } = event;
        // Told again by a device that does not know whether it was heard.
        if (index < logged.chunks) return [];
        return [{ type: 'recording.chunk_recorded', data: { sessionId, deviceId, index, bytes, sha256 } }];
      }
      if (event.kind !== 'recording_closed' || logged.recordingOver) return [];
      const type = event.truncated ? 'recording.truncated' : 'recording.closed';
      return [{ type, data: { sessionId, deviceId, chunks: event.chunks } }];
    });
  }
}
