import { connectBus, ensureTopology } from '@gatehouse/bus';
import { type Environment, loadConfig, setting } from '@gatehouse/config';
import { z } from 'zod';
import { setupUser } from './project-folder.js';

export const setupBusSettings = z.object({
  NATS_URL: setting.text('NATS servers, comma separated'),
  NATS_SEED_FILE: setting.text('File with the nkey seed of the user that may create streams'),
  NATS_REPLICAS: setting.integer('Servers that each keep a copy of the stream', { min: 1, max: 5 }).default(1),
});

/**
 * Creates or updates the event stream and its consumers. Safe to repeat: run it at every installation and upgrade.
 * Returns the exit code, and says on stderr what went wrong.
 *
 * @example await runSetupBus({ NATS_URL: 'nats://bus:4222', NATS_SEED_FILE: 'secrets/nats/setup.seed' }) // 0
 */
export async function runSetupBus(env: Environment): Promise<number> {
  try {
    const settings = loadConfig(setupBusSettings, env);
    await createTopology(settings);
    process.stdout.write('bus: stream and consumers are up to date\n');
    return 0;
  } catch (error) {
    process.stderr.write(`bus: ${(error as Error).message}\n`);
    return 1;
  }
}

async function createTopology(settings: z.output<typeof setupBusSettings>): Promise<void> {
  const connection = await connectBus({
    servers: settings.NATS_URL,
    user: setupUser,
    seedFile: settings.NATS_SEED_FILE,
  });
  try {
    await ensureTopology(connection, settings.NATS_REPLICAS);
  } finally {
    await connection.close();
  }
}
