import { defineCommand, type Tools } from '../../command.js';
import { formatReference } from '../../reference.js';
import { allPages, type DeviceSession, devicesPath, readDevice } from '../devices-api.js';

export const sessionsPath = `${devicesPath}/sessions`;
const head = ['STARTED', 'WHO', 'DEVICE', 'KIND', 'WHAT', 'STATUS', 'REASON', 'EXIT', 'DURATION', 'ID'];

export const sessionUrl = (id: string): string => `${sessionsPath}/${encodeURIComponent(id)}`;

export const listDeviceSessions = defineCommand({
  command: 'list',
  describe: 'List sessions on devices, newest first',
  options: (parser) =>
    parser
      .option('device', { type: 'string', requiresArg: true, describe: 'Only those on this device' })
      .option('subject', { type: 'string', requiresArg: true, describe: 'Only those of this subject, type/id' })
      .option('live', { type: 'boolean', default: false, describe: 'Only those that go on' }),
  run: async ({ device, subject, live }, tools) => {
    const client = tools.client();
    const on = device === undefined ? undefined : (await readDevice(client, device)).id;
    const all = await allPages<DeviceSession>(client, sessionsPath, 'sessions', { device: on, subject });
    const sessions = live ? all.filter(({ endedAt }) => !endedAt) : all;
    const { output } = tools;
    if (output.isJson) output.json({ sessions });
    else output.table(head, sessions.map(rowOf(tools)));
    return undefined;
  },
});

const rowOf =
  ({ output }: Tools) =>
  (session: DeviceSession): string[] => [
    output.time(session.startedAt ?? undefined),
    formatReference(session.subject),
    session.deviceName ?? session.deviceId,
    session.kind,
    session.detail ?? '',
    session.status,
    reasonText(session),
    exitText(session.exit),
    durationText(session.durationMs),
    session.sessionId,
  ];

/** Why it ended, and before that what the device itself would not do. */
const reasonText = ({ reason, refused = [] }: DeviceSession): string =>
  [...(refused.length > 0 ? [`refused: ${refused.join(', ')}`] : []), ...(reason ? [reason] : [])].join('; ');

export const exitText = (exit: DeviceSession['exit']): string => (exit ? (exit.signal ?? String(exit.code ?? '')) : '');

/** @example durationText(3_723_000) // '1:02:03' */
export function durationText(ms: number | null | undefined): string {
  if (ms === undefined || ms === null) return '';
  const seconds = Math.floor(ms / 1_000);
  const two = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(seconds % 60)}`;
}

export const readSession = (tools: Tools, id: string): Promise<DeviceSession> =>
  tools.client().get<DeviceSession>(sessionUrl(id));

export const showDeviceSession = defineCommand({
  command: 'show <id>',
  describe: 'Show one session: decisions, end, bytes, recording',
  options: (parser) => parser.positional('id', { type: 'string', demandOption: true }),
  run: async ({ id }, tools) => {
    const session = await readSession(tools, id);
    const { output } = tools;
    if (output.isJson) output.json(session);
    else
      output.facts([
        ['session', session.sessionId],
        ['device', session.deviceName ?? session.deviceId],
        ['who', formatReference(session.subject)],
        ['kind', session.kind],
        ['what', session.detail ?? undefined],
        ['from', session.source ?? undefined],
        ['decisions', (session.decisions ?? []).join(', ')],
        ['status', session.status],
        ['started', output.time(session.startedAt ?? undefined)],
        ['ended', output.time(session.endedAt ?? undefined)],
        ['reason', session.reason ?? undefined],
        ['refused', session.refused?.join(', ') || undefined],
        ['exit', exitText(session.exit)],
        ['duration', durationText(session.durationMs)],
        ['bytes in, out', session.bytesIn == null ? undefined : `${session.bytesIn}, ${session.bytesOut ?? 0}`],
        ['recording', recordingText(session)],
      ]);
    return undefined;
  },
});

const recordingText = ({ recording }: DeviceSession): string | undefined =>
  recording ? `${recording.status}, ${recording.chunkCount} chunks` : undefined;

export const endDeviceSession = defineCommand({
  command: 'end <id>',
  describe: 'Cut a session that goes on',
  options: (parser) => parser.positional('id', { type: 'string', demandOption: true }),
  run: async ({ id }, { client, output }) => {
    await client().delete(`/api/v1/relay/sessions/${encodeURIComponent(id)}`);
    if (output.isJson) output.json({ sessionId: id, ended: true });
    else output.line(`${id} is cut`);
    return undefined;
  },
});
