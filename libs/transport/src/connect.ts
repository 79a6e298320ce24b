import { StreamReset } from './byte-stream.js';
import type { Carrier, CarrierKind, ConnectOptions } from './carrier.js';
import { completeLimits } from './limits.js';
import { dialQuic } from './quic/dial.js';
import { type DialOptions, dialTls } from './tls/dial.js';
import { checkTrust } from './trust.js';

const dialers: Record<CarrierKind, (options: DialOptions) => Promise<Carrier>> = { quic: dialQuic, tls: dialTls };

const cancelled = () => new StreamReset({ code: 'cancelled' });

/**
 * The first carrier that stands, of those that are tried: each begins `headStartMs` after the one before it, or at once when that
 * one failed. The others are given up. Nothing is remembered: what a network blocks today, it may let pass tomorrow.
 *
 * @throws StreamReset `certificate` if any server showed a wrong one; else of the last to fail: `refused`, `unreachable`, `protocol`,
 *   `timeout`; `cancelled` by the signal
 * @example const carrier = await connect({ host: 'relay.example.com', port: 443, trust: { pin } });
 */
export async function connect(options: ConnectOptions): Promise<Carrier> {
  const { carriers = ['quic', 'tls'], headStartMs = 250, timeoutMs = 10_000, trust = {} } = options;
  if (options.signal?.aborted) throw cancelled();
  checkTrust(trust);
  const over = new AbortController();
  const dialOptions = { host: options.host, port: options.port, trust, limits: completeLimits(options.limits) };
  const give = (error: StreamReset) => () => over.abort(error);
  const timer = setTimeout(give(new StreamReset({ code: 'timeout', detail: 'no answer from the server' })), timeoutMs);
  const onAbort = give(cancelled());
  options.signal?.addEventListener('abort', onAbort);
  try {
    return await race(carriers, headStartMs, over, (kind) => dialers[kind]({ ...dialOptions, signal: over.signal }));
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
  }
}

function race(
  kinds: readonly CarrierKind[],
  headStartMs: number,
  over: AbortController,
  dial: (kind: CarrierKind) => Promise<Carrier>,
): Promise<Carrier> {
  return new Promise((resolve, reject) => {
    const failures: unknown[] = [];
    let next = 0;
    let won = false;
    let headStart: NodeJS.Timeout | undefined;
    const begin = () => {
      clearTimeout(headStart);
      const kind = kinds[next++];
      if (kind === undefined) return;
      if (next < kinds.length) headStart = setTimeout(begin, headStartMs);
      dial(kind).then(arrived, failed);
    };
    const arrived = (carrier: Carrier) => {
      clearTimeout(headStart);
      if (won) return void carrier.close({ code: 'cancelled' });
      won = true;
      resolve(carrier);
      over.abort(cancelled());
    };
    const failed = (error: unknown) => {
      failures.push(error);
      if (won) return;
      if (over.signal.aborted || failures.length === kinds.length) {
        clearTimeout(headStart);
        return reject(worst(failures));
      }
      if (next === failures.length) begin();
    };
    if (kinds.length === 0) reject(new StreamReset({ code: 'unreachable', detail: 'no carrier to try' }));
    else begin();
  });
}

/** A wrong certificate is what people must hear of, whoever found it. */
const worst = (failures: readonly unknown[]) =>
  failures.find((failure) => failure instanceof StreamReset && failure.end.code === 'certificate') ?? failures.at(-1);
