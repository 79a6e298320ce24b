import { defineCommand } from '../../command.js';
import { usageFailure } from '../../failure.js';
import { devicesPath } from '../devices-api.js';
import { parseLabelChange } from '../labels.js';

const registrationUrl = (id: string, below: string): string =>
  `${devicesPath}/registrations/${encodeURIComponent(id)}/${below}`;
const requestOption = {
  type: 'string',
  demandOption: true,
  describe: 'Id of the request: gatehouse devices list',
} as const;
const fingerprintPattern = /^[0-9a-f]{64}$/;

/** As people copy it: with colons, blanks or capitals. @throws Failure for anything but 64 digits of base 16 */
export function parseFingerprint(text: string): string {
  const plain = text
    .toLowerCase()
    .replace(/^sha256:/, '')
    .replaceAll(/[\s:]/g, '');
  if (!fingerprintPattern.test(plain)) throw usageFailure('a fingerprint has 64 digits, as the device shows them');
  return plain;
}

export const approveDevice = defineCommand({
  command: 'approve <request>',
  describe: 'Let a device in',
  options: (parser) =>
    parser
      .positional('request', requestOption)
      .option('fingerprint', {
        type: 'string',
        requiresArg: true,
        describe: 'What the device shows: refused unless it is the one of the request',
      })
      .option('name', { type: 'string', requiresArg: true, describe: 'Name of the device; its hostname unless given' })
      .option('label', { type: 'string', array: true, nargs: 1, describe: 'NAME=VALUE (repeatable)' }),
  run: async ({ request, fingerprint, name, label }, { client, output }) => {
    const labels = label === undefined ? undefined : parseLabelChange(label.map(String)).set;
    const body = {
      ...(name !== undefined && { name }),
      ...(labels !== undefined && { labels }),
      ...(fingerprint !== undefined && { fingerprint: parseFingerprint(fingerprint) }),
    };
    type Approved = { readonly deviceId?: string; readonly id?: string; readonly name?: string };
    const approved = await client().post<Approved>(registrationUrl(request, 'approve'), body);
    if (output.isJson) output.json(approved);
    else output.line(`${approved.name ?? request} is let in (device ${approved.deviceId ?? approved.id})`);
    if (fingerprint === undefined) output.note('Nobody compared its fingerprint: --fingerprint does.');
    return undefined;
  },
});

export const rejectDevice = defineCommand({
  command: 'reject <request>',
  describe: 'Turn a device away for good: the same keys are refused until that is lifted',
  options: (parser) =>
    parser.positional('request', requestOption).option('reason', { type: 'string', requiresArg: true }),
  run: async ({ request, reason }, { client, output }) => {
    const answer = await client().post<object | undefined>(registrationUrl(request, 'reject'), {
      ...(reason !== undefined && { reason }),
    });
    if (output.isJson) output.json(answer ?? { requestId: request, state: 'rejected' });
    else output.line(`${request} is turned away`);
    return undefined;
  },
});

export const liftRejection = defineCommand({
  command: 'lift <fingerprint>',
  describe: 'Let a device that was turned away ask again',
  options: (parser) => parser.positional('fingerprint', { type: 'string', demandOption: true }),
  run: async ({ fingerprint }, { client, output }) => {
    const plain = parseFingerprint(fingerprint);
    await client().post(`${devicesPath}/rejections/lift`, { fingerprint: plain });
    if (output.isJson) output.json({ fingerprint: plain, lifted: true });
    else output.line(`${plain} may ask again`);
    return undefined;
  },
});
