import { createConnection } from 'node:net';
import { type DeviceAction, frameTypes, type ServedSession } from '@gatehouse/session';
import ssh2, { type Connection } from 'ssh2';
import type { RuntimeHost } from '../host.js';
import { frameDuplex } from '../stream/frame-duplex.js';
import { OutgoingFrames } from '../stream/outgoing-frames.js';
import { hostKey } from './host-key.js';
import { serveSftp } from './serve-sftp.js';
import { SshPrograms } from './ssh-programs.js';

/**
 * An ssh server for the one client at the other end of a sealed stream. The grant is the authentication: whoever got here is
 * whom it names, so every name is let in, as the account of the runtime. What works follows from the grant's actions.
 */
export const serveSsh =
  (host: RuntimeHost) =>
  (session: ServedSession<'ssh'>): void => {
    const out = new OutgoingFrames(session.stream);
    const programs = new SshPrograms(session, host, (reason) => out.fail('io', reason));
    const may = (action: DeviceAction) => session.grant.actions.includes(action);
    const server = new ssh2.Server({ hostKeys: [hostKey(host.folder)], ident: 'gatehouse' }, (client) => {
      client.on('authentication', (context) =>
        context.method === 'none' ? context.accept() : context.reject(['none']),
      );
      client.on('session', (accept) => {
        const channel = accept();
        programs.serve(channel, { shell: may('device.shell'), exec: may('device.exec') });
        channel.on('sftp', (take, refuse) => {
          const [read, write] = [may('device.files.read'), may('device.files.write')];
          if (read || write) serveSftp(take(), host.account.home, { read, write });
          else refuse?.();
        });
      });
      forwardPorts(client, may('device.forward'));
      // A client that breaks off is no event for anybody.
      client.on('error', () => undefined);
      client.on('close', () => {
        void programs.end();
        out.finish();
      });
    });
    out.json(frameTypes.accepted, {});
    const duplex = frameDuplex(session, out);
    duplex.on('error', () => undefined);
    duplex.on('close', () => void programs.end());
    // What it asks of a socket a stream of ours has.
    server.injectSocket(duplex as never);
  };

/** `-L`, `-W` and `-D`. Nothing is listened on for anybody here: reverse forwards have a kind of their own. */
function forwardPorts(client: Connection, isAllowed: boolean): void {
  client.on('tcpip', (accept, refuse, { destIP, destPort }) => {
    if (!isAllowed) return refuse();
    const socket = createConnection({ host: destIP, port: destPort, allowHalfOpen: true });
    // Before it has a channel nothing else ends it with its session.
    const end = () => socket.destroy();
    client.once('close', end);
    socket.once('close', () => client.off('close', end));
    socket.once('error', () => refuse());
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      const channel = accept();
      channel.on('error', () => socket.destroy());
      socket.on('error', () => channel.destroy());
      channel.on('close', () => socket.destroy());
      channel.pipe(socket).pipe(channel);
    });
  });
  client.on('request', (_accept, refuse) => refuse?.());
}
