import { isIP } from 'node:net';
import { resolve } from 'node:path';
import yargs from 'yargs';
import { statefulServices } from './service-table.js';
import { UpError } from './up-error.js';

export interface UpFlags {
  data: string;
  reset: boolean;
  yes: boolean;
  services: string[];
  host: string;
  port: number;
  relayPort: number;
  portBase: number;
  json: boolean;
}

/** The highest internal port is the base plus this. */
const PORT_SPAN = 30;

/** Undefined when only help or the version was asked for; the text is in `shown`. Throws UpError on a wrong call. */
export async function parseFlags(argv: string[], show: (text: string) => void): Promise<UpFlags | undefined> {
  let helpShown = false;
  const parser = yargs()
    .scriptName('npm start --')
    .usage('$0 [options]\n\nStarts Gatehouse on this machine: PostgreSQL, NATS, every service, and the gateway.')
    .option('data', { type: 'string', default: '.gatehouse', describe: 'Folder of everything that is kept' })
    .option('reset', {
      type: 'boolean',
      default: false,
      describe: 'Delete the data folder first (asks before it does)',
    })
    .option('yes', { type: 'boolean', default: false, describe: 'Answer yes to every question' })
    .option('services', { type: 'string', describe: `Run only these, and the gateway: ${statefulServices.join(',')}` })
    .option('host', {
      type: 'string',
      default: 'localhost',
      describe: 'Name or address under which others reach this machine, at --port and --relay-port and at no other',
    })
    .option('port', { type: 'number', default: 8443, describe: 'Port of the gateway (HTTPS)' })
    .option('relay-port', {
      type: 'number',
      describe: 'Port that devices and their clients connect to, UDP and TCP; the one after --port unless given',
    })
    .option('port-base', { type: 'number', default: 7100, describe: 'First of the ports used on 127.0.0.1' })
    .option('json', { type: 'boolean', default: false, describe: 'One JSON object per line, for scripts' })
    .strict()
    .version(false)
    .exitProcess(false)
    .fail((message, error) => {
      throw new UpError(`${message ?? error?.message ?? 'wrong call'} (--help shows the options)`, { exitCode: 2 });
    });
  const flags = await parser.parseAsync(argv, {}, (_error, _parsed, output) => {
    if (output !== '') {
      helpShown = true;
      show(output);
    }
  });
  if (helpShown) return undefined;
  return {
    data: resolve(flags.data),
    reset: flags.reset,
    yes: flags.yes,
    services: chosenServices(flags.services),
    host: requireHost(flags.host),
    port: requirePort('--port', flags.port, 0),
    relayPort: requirePort('--relay-port', flags.relayPort ?? flags.port + 1, 0),
    portBase: requirePort('--port-base', flags.portBase, PORT_SPAN),
    json: flags.json,
  };
}

function chosenServices(list: string | undefined): string[] {
  if (list === undefined) return [...statefulServices];
  const wanted = list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const unknown = wanted.find((name) => !(statefulServices as string[]).includes(name));
  if (unknown !== undefined || wanted.length === 0) {
    const problem = unknown === undefined ? 'names no service' : `names an unknown service, "${unknown}"`;
    throw new UpError(`--services ${problem}; there are ${statefulServices.join(', ')}`, { exitCode: 2 });
  }
  return statefulServices.filter((name) => wanted.includes(name));
}

/** It becomes part of addresses and of a certificate. */
function requireHost(host: string): string {
  const name = host.toLowerCase();
  const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
  if (name.length <= 253 && (isIP(name) !== 0 || new RegExp(`^${label}(\\.${label})*$`).test(name))) return name;
  throw new UpError('--host must be a name such as gate.example.org, or an IP address', { exitCode: 2 });
}

function requirePort(flag: string, port: number, span: number): number {
  if (Number.isInteger(port) && port >= 1 && port + span <= 65_535) return port;
  throw new UpError(`${flag} must be a port from 1 to ${65_535 - span}`, { exitCode: 2 });
}
