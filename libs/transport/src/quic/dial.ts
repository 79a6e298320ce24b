import { StreamReset } from '../byte-stream.js';
import type { Carrier } from '../carrier.js';
import type { DialOptions } from '../tls/dial.js';

export function dialQuic(_options: DialOptions): Promise<Carrier> {
  return Promise.reject(new StreamReset({ code: 'unreachable', detail: 'no QUIC on this platform' }));
}
