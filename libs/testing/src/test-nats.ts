import { join } from 'node:path';
import { installedNatsServer, type NatsServer, natsCachePath, startNats } from '@gatehouse/local-servers';
import { tempDir } from './temp-dir.js';

export interface TestNatsOptions {
  /** Text of a configuration file: users, limits. */
  config?: string;
}

export type TestNats = NatsServer;

/**
 * A nats-server with JetStream on a free port and in a temporary folder, which `stop` removes. It ends with the test process.
 * Throws when no nats-server >= 2.10 is installed: tests never download one.
 *
 * @example
 * const nats = await startTestNats();
 * nats.pause(); // nothing answers; nats.resume() ends it
 * await nats.stop();
 */
export async function startTestNats(options: TestNatsOptions = {}): Promise<TestNats> {
  const binary = await installedNatsServer();
  if (binary === undefined) {
    throw new Error(
      `no nats-server >= 2.10 on PATH, in NATS_SERVER_BIN or at ${natsCachePath()}: run npm start once, it fetches one`,
    );
  }
  const dir = tempDir('nats');
  try {
    const config = options.config === undefined ? {} : { config: options.config };
    const server = await startNats({ binary: binary.path, storeDir: join(dir.path, 'jetstream'), ...config });
    const stopServer = server.stop;
    return Object.assign(server, { stop: () => stopServer().finally(dir.remove) });
  } catch (error) {
    dir.remove();
    throw error;
  }
}
