import type { OpenMessage } from '@gatehouse/session';
import { type Command, defineCommand } from '../../command.js';
import { usageFailure } from '../../failure.js';
import { attach } from '../terminal/attach.js';
import { localSide } from '../terminal/shell.js';

const defaultBaud = 115_200;
const maxBaud = 4_000_000;

/** `ttyUSB0` and `/dev/ttyUSB0` are the same. @throws Failure for what is no name below /dev, or no rate */
export function serialTarget(text: string, baud: number): string {
  const name = text.replace(/^\/dev\//, '');
  if (!/^[A-Za-z0-9][A-Za-z0-9_.+-]*(\/[A-Za-z0-9][A-Za-z0-9_.+-]*)*$/.test(name))
    throw usageFailure(`"${text}" is no serial port, such as ttyUSB0 or /dev/ttyUSB0`);
  if (!Number.isInteger(baud) || baud < 1 || baud > maxBaud)
    throw usageFailure(`${baud} is no rate, such as ${defaultBaud}`);
  return `serial:/dev/${name}${baud === defaultBaud ? '' : `:${baud}`}`;
}

export const deviceSerial = (device: string): Command =>
  defineCommand({
    command: 'serial <port> [baud]',
    describe: 'Talk to a serial port of the device (8N1); on a terminal Enter ~ . ends it',
    options: (parser) =>
      parser
        .positional('port', { type: 'string', demandOption: true, describe: 'ttyUSB0 or /dev/ttyUSB0' })
        .positional('baud', { type: 'number', default: defaultBaud }),
    run: async ({ port, baud }, tools) => {
      const target = serialTarget(port, baud);
      const open: OpenMessage = { kind: 'forward', target };
      const stream = await tools.dial(device)({ kind: 'forward', targets: [target] }, open);
      const local = localSide(tools);
      return attach(stream, local, { stdin: true, isTerminal: local.stdin.isTTY === true, isLine: true });
    },
  });
