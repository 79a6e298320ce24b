import type { ServeOptions } from '../tls/serve.js';

export class QuicServer {
  constructor(readonly options: ServeOptions) {}
  bind(_host: string, port: number): Promise<number> {
    return Promise.resolve(port);
  }
  renew(_certificate: string, _key: string): void {}
  close(): Promise<void> {
    return Promise.resolve();
  }
}
