import { frameJson, metricsSample, type OpenMessage } from '@gatehouse/session';
import type { z } from 'zod';
import { type Command, defineCommand, type Tools } from '../../command.js';
import { usageFailure } from '../../failure.js';
import { formatFacts } from '../../output/table.js';
import { parseDuration } from '../../output/time.js';
import { formatBytes } from '../files/progress.js';
import { readMessages } from './logs.js';

type Sample = z.output<typeof metricsSample>;
const home = '\u001b[H\u001b[J';

/** What a sample says, one fact a line. Bytes are bytes, and rates are per second. */
export function sampleFacts({ at, uptimeSeconds, cpu, memory, disks, network }: Sample): [string, string][] {
  const share = (used: number, total: number) => `${total === 0 ? 0 : Math.round((used / total) * 100)} %`;
  const of = (used: number, total: number) => `${formatBytes(used)} of ${formatBytes(total)} (${share(used, total)})`;
  return [
    ['time', new Date(at).toISOString()],
    [
      'up',
      `${Math.floor(uptimeSeconds / 86_400)} d ${Math.floor((uptimeSeconds % 86_400) / 3_600)} h ${Math.floor((uptimeSeconds % 3_600) / 60)} min`,
    ],
    ['cpu', `${cpu.usagePercent.toFixed(1)} %  [${cpu.perCore.map((core) => Math.round(core)).join(' ')}]`],
    ['load', cpu.load.map((load) => load.toFixed(2)).join(' ')],
    ['memory', of(memory.usedBytes, memory.totalBytes)],
    ...disks.map(({ mount, usedBytes, totalBytes }): [string, string] => [`disk ${mount}`, of(usedBytes, totalBytes)]),
    ...network.map(({ name, rxBytesPerSecond, txBytesPerSecond }): [string, string] => [
      `net ${name}`,
      `in ${formatBytes(Math.round(rxBytesPerSecond))}/s, out ${formatBytes(Math.round(txBytesPerSecond))}/s`,
    ]),
  ];
}

export const deviceMetrics = (device: string): Command =>
  defineCommand({
    command: 'metrics',
    aliases: ['stats'],
    describe: 'Show processor, memory, disks and network; live on a terminal, until Ctrl-C',
    options: (parser) =>
      parser
        .option('interval', {
          type: 'string',
          default: '1s',
          requiresArg: true,
          describe: 'Between two samples, up to 1m',
        })
        .option('count', { type: 'number', requiresArg: true, describe: 'How many; one unless on a terminal' }),
    run: async ({ interval, count }, tools) => {
      const intervalMs = parseDuration(interval) ?? 0;
      if (intervalMs < 1_000 || intervalMs > 60_000)
        throw usageFailure(`--interval "${interval}" is not from 1s to 1m`);
      if (count !== undefined && (!Number.isInteger(count) || count < 1))
        throw usageFailure('--count is a whole number from 1');
      const isLive = tools.world.stdoutIsTerminal && !tools.output.isJson;
      const wanted = count ?? (isLive ? undefined : 1);
      const open: OpenMessage = { kind: 'metrics', intervalMs, ...(wanted !== undefined && { count: wanted }) };
      const stream = await tools.dial(device)({ kind: 'metrics' }, open);
      await readMessages(stream, tools, (payload) => tellSample(tools, payload, isLive));
      return undefined;
    },
  });

function tellSample({ output, world }: Tools, payload: Uint8Array, isLive: boolean): boolean {
  const sample = frameJson(metricsSample, payload);
  if (!sample) return true;
  if (output.isJson) return world.stdout.write(`${JSON.stringify(sample)}\n`);
  return world.stdout.write(`${isLive ? home : ''}${formatFacts(sampleFacts(sample))}`);
}
