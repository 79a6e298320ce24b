import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { usualDatagram } from './config.js';
import { idBytes, isLong, versionProbe } from './packets.js';

/** What IP and UDP take of a packet. */
const headerBytes = { udp4: 28, udp6: 48 } as const;
/** A path that takes jumbo packets is a near one: it answers in this time, or not in ours. */
const waitMs = 60;

/**
 * The largest datagram that this path takes. The kernel splits what is larger than its own interface takes, so nothing above
 * that is tried; below, a packet that asks for a version nobody speaks comes back as large as it went (see `versionNegotiation`).
 *
 * @param socket connected to the server, and not used for anything else yet
 * @returns bytes; 1,350, which the internet takes, unless more is known
 */
export async function datagramFor(socket: Socket, most: number): Promise<number> {
  const usual = Math.min(usualDatagram, most);
  const kind = socket.address().family === 'IPv6' ? 'udp6' : 'udp4';
  const link = (await linkSize(socket.address().address)) - headerBytes[kind];
  const largest = Math.min(most, link);
  if (!(largest > 1_500)) return usual;
  const sizes = [...new Set([largest, Math.min(largest, 8_900)])];
  return probe(socket, sizes, usual);
}

function probe(socket: Socket, sizes: readonly number[], usual: number): Promise<number> {
  const [destination, source] = [randomBytes(idBytes), randomBytes(idBytes)];
  return new Promise((resolve) => {
    let found = usual;
    const done = () => {
      clearTimeout(timer);
      socket.removeListener('message', onMessage);
      resolve(found);
    };
    const onMessage = (packet: Buffer) => {
      const mine = isLong(packet) && packet.readUInt32BE(1) === 0 && packet.subarray(6, 6 + idBytes).equals(source);
      // The list of versions is a multiple of four bytes.
      const size = mine ? sizes.find((asked) => packet.length > asked - 4 && packet.length <= asked) : undefined;
      if (size !== undefined) found = Math.max(found, size);
      if (size === sizes[0]) done();
    };
    const timer = setTimeout(done, waitMs);
    socket.on('message', onMessage);
    for (const size of sizes) socket.send(versionProbe(destination, source, size));
  });
}

/** Largest packet of the interface that has this address; 1,500 where the system does not tell. */
async function linkSize(address: string): Promise<number> {
  const found = Object.entries(networkInterfaces()).find(([, list]) =>
    list?.some((entry) => entry.address === address),
  );
  if (!found) return 1_500;
  try {
    return Number((await readFile(`/sys/class/net/${found[0]}/mtu`, 'utf8')).trim());
  } catch {
    return 1_500;
  }
}
