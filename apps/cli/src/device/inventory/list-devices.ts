import { defineCommand, type Tools } from '../../command.js';
import { exitCodes, Failure } from '../../failure.js';
import { formatReference } from '../../reference.js';
import {
  allPages,
  type Device,
  deviceFacts,
  devicesPath,
  labelText,
  type Registration,
  readDevice,
} from '../devices-api.js';
import { parseSelector } from '../labels.js';

const head = ['NAME', 'STATUS', 'OWNER', 'ARCH', 'OS', 'LABELS', 'GROUPS', 'LAST SEEN', 'ID'];
const pendingHead = ['HOSTNAME', 'OS', 'ADDRESSES', 'FINGERPRINT', 'REQUESTED', 'REQUEST'];

export const listDevices = defineCommand({
  command: 'list',
  describe: 'List devices, and machines that ask to be let in',
  options: (parser) =>
    parser
      .option('label', {
        type: 'string',
        requiresArg: true,
        describe: 'Only with these: NAME=VALUE, several with commas',
      })
      .option('group', { type: 'string', requiresArg: true, describe: 'Only those of this group' })
      .option('status', { type: 'string', requiresArg: true, describe: 'Only those: online, offline' })
      .option('search', { type: 'string', requiresArg: true, describe: 'Only those whose name or hostname holds it' })
      .example('$0 devices list --label site=berlin --status online', ''),
  run: async ({ label, group, status, search }, tools) => {
    const client = tools.client();
    const labels = label === undefined ? undefined : labelText(parseSelector(label));
    const query = { label: labels, group, status, search };
    const isNarrow = Object.values(query).some((value) => value !== undefined);
    const [devices, pending] = await Promise.all([
      allPages<Device>(client, devicesPath, 'devices', query),
      isNarrow ? [] : pendingRegistrations(tools),
    ]);
    const { output } = tools;
    if (output.isJson) output.json({ devices, auth_requests: pending });
    else {
      output.table(head, devices.map(deviceRow(tools)));
      if (pending.length > 0) tellPending(tools, pending);
    }
    return undefined;
  },
});

/** Who may not approve sees none. */
const pendingRegistrations = ({ client }: Tools): Promise<Registration[]> =>
  allPages<Registration>(client(), `${devicesPath}/registrations`, 'registrations', { state: 'pending' }).catch(
    (error: unknown) => {
      if (error instanceof Failure && error.exitCode === exitCodes.forbidden) return [];
      throw error;
    },
  );

const deviceRow =
  ({ output }: Tools) =>
  (device: Device): string[] => [
    device.name,
    device.status,
    formatReference(device.owner),
    device.description?.architecture ?? '',
    device.description?.platform ?? '',
    labelText(device.labels),
    device.groups.join(','),
    output.time(device.lastSeenAt ?? undefined),
    device.id,
  ];

function tellPending({ output }: Tools, pending: readonly Registration[]): void {
  output.line('');
  output.table(
    pendingHead,
    pending.map((request) => [
      request.description?.hostname ?? '',
      request.description?.platform ?? '',
      (request.addresses ?? []).join(','),
      request.fingerprint,
      output.time(request.requestedAt),
      request.requestId,
    ]),
  );
  output.note('Compare the fingerprint with what the device shows, then: gatehouse devices approve REQUEST');
}

export const showDevice = defineCommand({
  command: 'show <device>',
  describe: 'Show one device, by name or id',
  options: (parser) => parser.positional('device', { type: 'string', demandOption: true }),
  run: async ({ device }, tools) => {
    const found = await readDevice(tools.client(), device);
    if (tools.output.isJson) tools.output.json(found);
    else tools.output.facts(deviceFacts(found, tools.output));
    return undefined;
  },
});
