/** A call whose first word is no command: the name or id of a device, and what to do there. */
export interface DeviceCall {
  readonly device: string;
  /** Without the device. */
  readonly argv: readonly string[];
}

/** Global flags that take the next word. */
const withValue = new Set(['--url', '--ca']);

/**
 * `gatehouse edge-1 shell`: the first word that is neither a flag nor the value of one is a device when it is no command and
 * the next word is one of a device's commands, or help is asked for, or nothing else is said.
 *
 * @example splitDeviceCall(['--json', 'edge-1', 'status'], new Set(['keys']), new Set(['status']))
 *   // { device: 'edge-1', argv: ['--json', 'status'] }
 */
export function splitDeviceCall(
  argv: readonly string[],
  commands: ReadonlySet<string>,
  deviceWords: ReadonlySet<string>,
): DeviceCall | undefined {
  const at = wordAfter(argv, 0);
  const device = argv[at];
  if (device === undefined || device === '' || commands.has(device)) return undefined;
  const next = argv[wordAfter(argv, at + 1)];
  const isCall = next === undefined ? argv.slice(at + 1).includes('--help') : deviceWords.has(next);
  return isCall ? { device, argv: [...argv.slice(0, at), ...argv.slice(at + 1)] } : undefined;
}

/** Index of the next word that is neither a flag nor a flag's value; the length when there is none. */
export function wordAfter(argv: readonly string[], from: number): number {
  for (let i = from; i < argv.length; i++) {
    const word = argv[i] ?? '';
    if (word === '--') return argv.length;
    if (withValue.has(word)) i++;
    else if (!word.startsWith('-') || word === '-') return i;
  }
  return argv.length;
}

/** Commands behind which everything belongs to another program, dashes or not. */
const takesAll = new Set(['docker']);
/** Commands whose own flags stand before the first word of the other program. */
const takesRest = new Set(['exec']);

/** Puts the two dashes where a person left them out: `edge-1 exec ls -l`, `edge-1 docker ps -a`. */
export function withDashes(argv: readonly string[]): readonly string[] {
  const at = wordAfter(argv, 0);
  const word = argv[at] ?? '';
  if (argv.includes('--')) return argv;
  if (takesAll.has(word) && argv[at + 1] !== '--help') return splice(argv, at + 1);
  const rest = takesRest.has(word) ? wordAfter(argv, at + 1) : argv.length;
  return rest < argv.length ? splice(argv, rest) : argv;
}

const splice = (argv: readonly string[], at: number): string[] => [...argv.slice(0, at), '--', ...argv.slice(at)];
