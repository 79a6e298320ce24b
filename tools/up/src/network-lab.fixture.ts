import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Three networks on one machine, as they are in the field:
 *
 *     client 10.77.1.2 --- this machine 10.77.0.1 --- router 10.77.2.2 | 192.168.77.1 --- device 192.168.77.2
 *
 * The router translates addresses and lets nothing in. It can drop UDP, lose packets, and hold them back; the device can get
 * another address. Only root can make them.
 */
export interface NetworkLab {
  /** Address under which all of them reach this machine. */
  readonly gate: string;
  spawn(place: Place, command: string, args: readonly string[], options?: SpawnOptions): ChildProcess;
  /** Programs that listen there: a line of `ss` each. */
  listening(place: Place): string[];
  /** Whether the router drops UDP to this port. */
  blockUdp(port: number, blocked: boolean): void;
  /** Of a hundred packets to and from this port, so many are lost. */
  losePackets(port: number, percent: number): void;
  /** UDP to this port takes so much longer, both ways, and of a hundred datagrams so many are lost. */
  delayUdp(port: number, ms: number, lossPercent?: number): Promise<void>;
  /** As after a walk into another cell: another address, and what was translated before is forgotten. */
  changeDeviceAddress(): void;
  stop(): void;
}

export type Place = 'client' | 'router' | 'device';

/** Why there can be none here, or undefined. */
export function labProblem(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root on Linux can make network namespaces';
  try {
    ensureNft();
    execFileSync('ip', ['netns', 'add', spaceOf('probe')], { stdio: 'pipe' });
    execFileSync('ip', ['netns', 'del', spaceOf('probe')], { stdio: 'pipe' });
  } catch (error) {
    return `no network namespaces: ${(error as Error).message}`;
  }
  return undefined;
}

function ensureNft(): void {
  if (['/usr/sbin/nft', '/sbin/nft'].some((path) => existsSync(path))) return;
  const options = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } } as const;
  execFileSync('apt-get', ['update', '-qq'], options);
  execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'nftables'], options);
}

const gate = '10.77.0.1';
const number = process.pid;
const spaceOf = (place: string): string => `gh${number}-${place}`;
const places: readonly Place[] = ['client', 'router', 'device'];

const ip = (...args: string[]) => void execFileSync('ip', args, { stdio: 'pipe' });
const inside = (place: Place, ...command: string[]): string =>
  execFileSync('ip', ['netns', 'exec', spaceOf(place), ...command], { encoding: 'utf8', stdio: 'pipe' });

/** Both ends of a cable: a place and its name there, and its address. `''` is this machine. */
type End = readonly [place: Place | '', device: string, address: string];

function cable(...ends: readonly [End, End]): void {
  const temporary = ends.map((_, i) => `gh${number}${i}t`);
  ip('link', 'add', temporary[0] as string, 'type', 'veth', 'peer', 'name', temporary[1] as string);
  for (const [i, [place, device, address]] of ends.entries()) {
    const from = temporary[i] as string;
    if (place !== '') ip('link', 'set', from, 'netns', spaceOf(place));
    const here = place === '' ? ip : (...args: string[]) => void inside(place, 'ip', ...args);
    here('link', 'set', from, 'name', device);
    here('addr', 'add', address, 'dev', device);
    here('link', 'set', device, 'up');
  }
}

/** @throws Error of what could not be made; whatever was is gone again */
export function startNetworkLab(): NetworkLab {
  try {
    build();
  } catch (error) {
    tearDown();
    throw error;
  }
  const delays = new Map<number, ChildProcess>();
  let deviceAddress = 2;
  return {
    gate,
    spawn: (place, command, args, options = {}) =>
      spawn('ip', ['netns', 'exec', spaceOf(place), command, ...args], { stdio: 'pipe', ...options }),
    listening: (place) =>
      inside(place, 'ss', '-H', '-l', '-n', '-t', '-u', '-p')
        .split('\n')
        .filter((line) => line !== ''),
    blockUdp: (port, blocked) => rule('blocked', blocked ? `udp dport ${port} drop` : undefined),
    losePackets: (port, percent) => {
      const lost = (side: string) =>
        `meta l4proto { tcp, udp } th ${side} ${port} numgen random mod 1000 < ${Math.min(percent * 10, 999)} drop`;
      rule('lost_out', percent > 0 ? lost('dport') : undefined);
      rule('lost_in', percent > 0 ? lost('sport') : undefined);
    },
    delayUdp: async (port, ms, lossPercent = 0) => {
      delays.get(port)?.kill('SIGKILL');
      delays.delete(port);
      const slow = port + 10_000;
      rule('delayed', ms > 0 ? `udp dport ${port} redirect to :${slow}` : undefined);
      if (ms === 0) return;
      const program = join(import.meta.dirname, 'slow-path.fixture.js');
      const args = [
        'netns',
        'exec',
        spaceOf('router'),
        process.execPath,
        program,
        `${slow}`,
        gate,
        `${port}`,
        `${ms}`,
        `${lossPercent}`,
      ];
      const path = spawn('ip', args, { stdio: ['ignore', 'pipe', 'inherit'] });
      delays.set(port, path);
      // It says so when it listens.
      await once(path.stdout, 'data');
    },
    changeDeviceAddress: () => {
      const [old, next] = [deviceAddress, deviceAddress + 1];
      deviceAddress = next;
      inside('device', 'ip', 'addr', 'del', `192.168.77.${old}/24`, 'dev', 'eth0');
      inside('device', 'ip', 'addr', 'add', `192.168.77.${next}/24`, 'dev', 'eth0');
      // The last address takes its routes along.
      inside('device', 'ip', 'route', 'replace', 'default', 'via', '192.168.77.1');
      // What comes back for the old one goes nowhere, as in the field.
      inside('router', 'ip', 'neigh', 'flush', 'all');
    },
    stop: () => {
      for (const each of delays.values()) each.kill('SIGKILL');
      tearDown();
    },
  };
}

/** What a lab left whose process was killed: its networks would take the packets of this one. */
function removeLeftovers(): void {
  const spaces = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }).matchAll(
    /^gh(\d+)-(?:client|router|device)\b/gm,
  );
  for (const [space, pid] of spaces) if (!existsSync(`/proc/${pid}`)) ip('netns', 'del', space);
}

function build(): void {
  removeLeftovers();
  for (const place of places) {
    ip('netns', 'add', spaceOf(place));
    inside(place, 'ip', 'link', 'set', 'lo', 'up');
  }
  // A lab whose process was killed has left it.
  ip('addr', 'replace', `${gate}/32`, 'dev', 'lo');
  cable(['', `gh${number}c`, '10.77.1.1/24'], ['client', 'eth0', '10.77.1.2/24']);
  cable(['', `gh${number}r`, '10.77.2.1/24'], ['router', 'wan', '10.77.2.2/24']);
  cable(['router', 'lan', '192.168.77.1/24'], ['device', 'eth0', '192.168.77.2/24']);
  for (const [place, via] of [
    ['client', '10.77.1.1'],
    ['router', '10.77.2.1'],
    ['device', '192.168.77.1'],
  ] as const)
    inside(place, 'ip', 'route', 'add', 'default', 'via', via);
  ip('route', 'add', '192.168.77.0/24', 'via', '10.77.2.2');
  inside('router', 'sysctl', '-q', '-w', 'net.ipv4.ip_forward=1');
  inside(
    'router',
    'nft',
    `table ip lab {
      chain translated { type nat hook postrouting priority srcnat; oifname "wan" masquerade; }
      chain redirected { type nat hook prerouting priority dstnat; jump delayed; }
      chain forwarded {
        type filter hook forward priority filter; policy drop;
        jump blocked; jump lost_out; jump lost_in;
        iifname "lan" accept;
        ct state established,related accept;
      }
      chain blocked { }
      chain lost_out { }
      chain lost_in { }
      chain delayed { }
    }`,
  );
}

/** The one rule of a chain of the router, or none. */
function rule(chain: string, text: string | undefined): void {
  inside('router', 'nft', `flush chain ip lab ${chain}`);
  if (text !== undefined) inside('router', 'nft', `add rule ip lab ${chain} ${text}`);
}

function tearDown(): void {
  for (const place of places) {
    try {
      ip('netns', 'del', spaceOf(place));
    } catch {
      // It was not made.
    }
  }
  try {
    ip('link', 'del', `gh${number}c`);
    ip('link', 'del', `gh${number}r`);
  } catch {
    // They went with the places at their other ends.
  }
  try {
    ip('addr', 'del', `${gate}/32`, 'dev', 'lo');
  } catch {
    // Neither was this.
  }
}
