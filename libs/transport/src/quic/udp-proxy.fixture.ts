import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';

/** What becomes of one datagram: what is sent on instead of it, in order. */
export type Tamper = (datagram: Buffer, direction: 'up' | 'down') => readonly Buffer[];

/** Stands between one client and a server, as a NAT or a bad network does. */
export class UdpProxy {
  readonly #front = createSocket('udp4');
  #back = createSocket('udp4');
  #client: RemoteInfo | undefined;
  tamper: Tamper = (datagram) => [datagram];
  port = 0;

  static async to(target: number): Promise<UdpProxy> {
    const proxy = new UdpProxy();
    proxy.#front.bind(0, '127.0.0.1');
    await once(proxy.#front, 'listening');
    proxy.port = proxy.#front.address().port;
    proxy.#front.on('message', (datagram, from) => {
      proxy.#client = from;
      for (const copy of proxy.tamper(datagram, 'up')) proxy.#back.send(copy, target, '127.0.0.1', () => {});
    });
    await proxy.#openBack();
    return proxy;
  }

  /** The NAT forgets: from now on the client comes from another port. */
  async rebind(): Promise<void> {
    const old = this.#back;
    this.#back = createSocket('udp4');
    await this.#openBack();
    old.close();
  }

  close(): void {
    this.#front.close();
    this.#back.close();
  }

  async #openBack(): Promise<void> {
    const back: Socket = this.#back;
    back.bind(0, '127.0.0.1');
    await once(back, 'listening');
    back.on('message', (datagram) => {
      const to = this.#client;
      if (!to) return;
      for (const copy of this.tamper(datagram, 'down')) this.#front.send(copy, to.port, to.address, () => {});
    });
  }
}
