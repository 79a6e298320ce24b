import type { Socket } from 'node:net';

/** `[::1]:443`, `192.0.2.1:443`. */
export const addressOf = ({ remoteAddress = '', remotePort = 0 }: Socket): string =>
  hostPort(remoteAddress, remotePort);

export function hostPort(host: string, port: number): string {
  const plain = host.startsWith('::ffff:') && host.includes('.') ? host.slice(7) : host;
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}
