import { type Command, defineCommand } from '../../command.js';
import { exitCodes } from '../../failure.js';
import { allPages, type Device, deviceFacts, deviceUrl, readDevice, type StatusChange } from '../devices-api.js';
import { parseWindow, type Window, windowOptions } from './window.js';

/** Changes within a window, newest first, and how often the device was lost in it. */
function within(changes: readonly StatusChange[], { sinceMs, untilMs }: Window): StatusChange[] {
  return changes.filter(({ at }) => {
    const ms = Date.parse(at);
    return (sinceMs === undefined || ms >= sinceMs) && (untilMs === undefined || ms < untilMs);
  });
}

export const deviceStatus = (device: string): Command =>
  defineCommand({
    command: 'status',
    describe: 'Show whether it is there; ends with 0 when it is, with 1 when not',
    options: (parser) =>
      parser
        .options(windowOptions)
        .option('short', { type: 'boolean', alias: 's', default: false, describe: 'One line' })
        .option('quiet', { type: 'boolean', alias: 'q', default: false, describe: 'The exit code alone' }),
    run: async ({ since, until, short, quiet }, tools) => {
      const window = parseWindow({ since, until }, Date.now());
      const { output } = tools;
      const found = await readDevice(tools.client(), device);
      const isWindow = since !== undefined || until !== undefined;
      const history = isWindow
        ? within(await allPages<StatusChange>(tools.client(), deviceUrl(found.id, '/history'), 'history'), window)
        : [];
      const isOnline = found.status === 'online';
      if (quiet) return isOnline ? exitCodes.ok : exitCodes.negative;
      if (output.isJson) output.json({ device: found, ...(isWindow && { window, history }) });
      else if (short) output.line(shortLine(found, output.good('✓'), output.bad('✗')));
      else {
        output.facts(deviceFacts(found, output));
        for (const { at, status, reason } of history)
          output.line(`${output.time(at)}  ${status}  ${reason ?? ''}`.trim());
      }
      return isOnline ? exitCodes.ok : exitCodes.negative;
    },
  });

const shortLine = ({ name, status }: Device, good: string, bad: string): string =>
  `${status === 'online' ? good : bad} ${name} ${status}`;
