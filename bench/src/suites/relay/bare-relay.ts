import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import { type Carrier, type CarrierKind, listen, pipe } from '@gatehouse/transport';
import { relayClasses } from './quic-classes.js';
import { relayRaw } from './raw-quic.js';

/**
 * What a relay costs that does nothing but carry: streams of a client's connection joined to a device's (`quic`, `tls`), or
 * sockets in pairs, as one would write it with Node alone (`node`), or streams of quiche in a loop of its own (`raw`) and by the classes
 * of its package (`classes`). The first to dial is the device.
 */
const [kind = '', certificateFile = '', keyFile = '', datagram = '1350'] = process.argv.slice(2);
const [certificate, key] = [readFileSync(certificateFile, 'utf8'), readFileSync(keyFile, 'utf8')];

function joinPairs(): void {
  const waiting: tls.TLSSocket[] = [];
  const server = tls.createServer({ cert: certificate, key, minVersion: 'TLSv1.3', allowHalfOpen: true }, (socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.once('readable', () => {
      if (String(socket.read(1)) === 'd') return void waiting.push(socket);
      const device = waiting.shift();
      if (!device) return void socket.destroy();
      socket.pipe(device).pipe(socket);
    });
  });
  server.listen(0, '127.0.0.1', () => process.stdout.write(`port ${(server.address() as { port: number }).port}\n`));
}

async function joinStreams(carrier: CarrierKind): Promise<void> {
  let device: Carrier | undefined;
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    certificate,
    key,
    carriers: [carrier],
    limits: { streams: 4_096 },
    onCarrier: (arrived) => {
      if (!device) {
        device = arrived;
        arrived.onStream = () => undefined;
        arrived.onClose = () => process.exit(0);
      } else
        arrived.onStream = (stream) => {
          if (device) pipe(stream, device.open());
        };
    },
  });
  process.stdout.write(`port ${listener.port}\n`);
}

const say = (port: number) => void process.stdout.write(`port ${port}\n`);
if (kind === 'node') joinPairs();
else if (kind === 'raw') say(await relayRaw(certificateFile, keyFile, Number(datagram)));
else if (kind === 'classes') say(await relayClasses(certificateFile, keyFile));
else await joinStreams(kind as CarrierKind);
