import { connectBus, ensureTopology, renderNatsAuthorization } from '@gatehouse/bus';
import { type NatsServer, startNats } from '@gatehouse/local-servers';
import type { DataFolder } from './data-folder.js';
import { setupUser } from './secrets.js';

/** A lost tail of the stream is published again from PostgreSQL (docs/adr/0004), so once a second is often enough to sync. */
const serverConfig = `
server_name: gatehouse
max_payload: 2MB
jetstream { sync_interval: 1s }
`;

/** Starts nats-server with a user per service, and creates the streams and consumers. */
export async function startBus(
  folder: DataFolder,
  port: number,
  binary: string,
  publicKeys: Readonly<Record<string, string>>,
): Promise<NatsServer> {
  const server = await startNats({
    binary,
    storeDir: folder.nats,
    port,
    config: serverConfig + renderNatsAuthorization(publicKeys as Parameters<typeof renderNatsAuthorization>[0]),
    logFile: folder.log('nats'),
  });
  try {
    await createTopology(server, folder);
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function createTopology(server: NatsServer, folder: DataFolder): Promise<void> {
  const connection = await connectBus({
    servers: server.url,
    user: setupUser,
    seedFile: folder.natsSeed(setupUser),
  });
  try {
    await ensureTopology(connection);
  } finally {
    await connection.close();
  }
}
