import { defineCommand, type Tools } from '../../command.js';
import { usageFailure } from '../../failure.js';
import { allPages, type Device, devicesPath, deviceUrl, labelText, readDevice } from '../devices-api.js';
import { changedLabels, type LabelChange, parseLabelChange, parseSelector } from '../labels.js';

const deviceOption = { type: 'string', demandOption: true, describe: 'Name or id' } as const;
const selectorOptions = {
  selector: {
    type: 'string',
    requiresArg: true,
    describe: 'Devices with these labels: NAME=VALUE, several with commas',
  },
  'dry-run': { type: 'boolean', default: false, describe: 'Only say which devices would change' },
} as const;

export const renameDevice = defineCommand({
  command: 'rename <device> <name>',
  describe: 'Give a device another name',
  options: (parser) =>
    parser.positional('device', deviceOption).positional('name', { type: 'string', demandOption: true }),
  run: async ({ device, name }, tools) => {
    const changed = await tools.client().patch<Device>(deviceUrl(device), { name });
    return tell(tools, changed, `${device} is ${changed?.name ?? name} now`);
  },
});

const onOff = ['on', 'off'] as const;
export const setDevice = defineCommand({
  command: 'set <device>',
  describe: 'Record sessions of a device, or have whoever sits at it approve them; move it to another owner',
  options: (parser) =>
    parser
      .positional('device', deviceOption)
      .option('record', { choices: onOff })
      .option('approve-on-device', { choices: onOff })
      .option('owner', { type: 'string', requiresArg: true, describe: 'user:ADDRESS or org:ID' }),
  run: async ({ device, record, 'approve-on-device': approve, owner }, tools) => {
    const settings = {
      ...(record !== undefined && { record: record === 'on' }),
      ...(approve !== undefined && { approveOnDevice: approve === 'on' }),
    };
    const isSetting = Object.keys(settings).length > 0;
    if (!isSetting && owner === undefined) throw usageFailure('say what: --record, --approve-on-device or --owner');
    const body = { ...(isSetting && { settings }), ...(owner !== undefined && { owner }) };
    return tell(tools, await tools.client().patch<Device>(deviceUrl(device), body), `${device} is changed`);
  },
});

export const removeDevice = defineCommand({
  command: 'remove [device]',
  describe: 'Remove a device: its tunnel and sessions are cut, its keys are nobody’s',
  options: (parser) =>
    parser
      .positional('device', { type: 'string', describe: 'Name or id; or --selector' })
      .options(selectorOptions)
      .option('yes', { type: 'boolean', default: false, describe: 'It cannot be undone, and that is known' }),
  run: async ({ device, selector, 'dry-run': dryRun, yes }, tools) => {
    if ((device === undefined) === (selector === undefined)) throw usageFailure('say a device, or --selector');
    if (!yes && !dryRun) throw usageFailure('removing a device cannot be undone: --yes if that is meant');
    if (selector !== undefined) return bulk(tools, selector, { remove: true }, dryRun);
    const found = await readDevice(tools.client(), device ?? '');
    if (dryRun) return tell(tools, { device: found.id, dryRun }, `${found.name} (${found.id}) would be removed`);
    await tools.client().delete(deviceUrl(found.id));
    return tell(tools, { device: found.id, removed: true }, `${found.name} (${found.id}) is removed`);
  },
});

export const labelDevice = defineCommand({
  command: 'label <words..>',
  describe: 'Change labels: DEVICE NAME=VALUE NAME-..., or with --selector those of many',
  options: (parser) =>
    parser
      .positional('words', { type: 'string', array: true, demandOption: true })
      .options(selectorOptions)
      .example('$0 devices label edge-1 site=berlin rack-', '')
      .example('$0 devices label --selector site=berlin env=prod', ''),
  run: async ({ words, selector, 'dry-run': dryRun }, tools) => {
    const all = words.map(String);
    const [device, ...rest] = all;
    if (selector !== undefined) return bulk(tools, selector, { labels: parseLabelChange(all) }, dryRun);
    if (device === undefined || rest.length === 0) throw usageFailure('say a device, and NAME=VALUE or NAME-');
    const change = parseLabelChange(rest);
    const found = await readDevice(tools.client(), device);
    const labels = changedLabels(found.labels, change);
    if (!dryRun) await tools.client().put(deviceUrl(found.id, '/labels'), { labels });
    return tell(tools, { device: found.id, labels, dryRun }, `${found.name}: ${labelText(labels) || 'no labels'}`);
  },
});

export const groupDevice = defineCommand({
  command: 'group <words..>',
  describe: 'Change groups: DEVICE GROUP GROUP-..., or with --selector those of many',
  options: (parser) =>
    parser.positional('words', { type: 'string', array: true, demandOption: true }).options(selectorOptions),
  run: async ({ words, selector, 'dry-run': dryRun }, tools) => {
    const [device, ...rest] = words.map(String);
    const groups = selector === undefined ? rest : words.map(String);
    if (groups.length === 0) throw usageFailure('say a device, and GROUP to join or GROUP- to leave');
    const change = {
      add: groups.filter((word) => !word.endsWith('-')),
      remove: groups.filter((word) => word.endsWith('-')).map((word) => word.slice(0, -1)),
    };
    if (selector !== undefined) return bulk(tools, selector, { groups: change }, dryRun);
    const found = await readDevice(tools.client(), device ?? '');
    return change && sendBulk(tools, { ids: [found.id] }, { groups: change }, dryRun);
  },
});

interface BulkChange {
  readonly labels?: LabelChange;
  readonly groups?: { readonly add: readonly string[]; readonly remove: readonly string[] };
  readonly remove?: true;
}

const bulk = (tools: Tools, selector: string, change: BulkChange, dryRun: boolean): Promise<undefined> =>
  sendBulk(tools, { labels: parseSelector(selector) }, change, dryRun);

async function sendBulk(tools: Tools, selector: object, change: BulkChange, dryRun: boolean): Promise<undefined> {
  type Answer = { readonly devices: readonly { readonly id: string; readonly name: string }[] };
  const answer = await tools.client().post<Answer>(`${devicesPath}/bulk`, { selector, change, dryRun });
  const names = answer.devices.map(({ name, id }) => `${name} (${id})`).join('\n');
  const count = `${answer.devices.length} ${answer.devices.length === 1 ? 'device' : 'devices'}`;
  if (!tools.output.isJson) tools.output.note(dryRun ? `${count} would change` : `${count} changed`);
  return answer.devices.length === 0 && !tools.output.isJson ? undefined : tell(tools, answer, names);
}

export const deviceHistory = defineCommand({
  command: 'history <device>',
  describe: 'Show when a device was there',
  options: (parser) => parser.positional('device', deviceOption),
  run: async ({ device }, tools) => {
    type Change = { readonly status: string; readonly at: string; readonly reason?: string | null };
    const history = await allPages<Change>(tools.client(), deviceUrl(device, '/history'), 'history');
    const { output } = tools;
    if (output.isJson) output.json({ history });
    else
      output.table(
        ['TIME', 'STATUS', 'WHY'],
        history.map((each) => [output.time(each.at), each.status, each.reason ?? '']),
      );
    return undefined;
  },
});

function tell({ output }: Tools, json: unknown, text: string): undefined {
  if (output.isJson) output.json(json);
  else output.line(text);
  return undefined;
}
