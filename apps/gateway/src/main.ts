import { loadConfig } from '@gatehouse/config';
import { type RunningGateway, startGateway } from './app.module.js';
import { gatewaySettings } from './settings.js';

const [command = 'serve'] = process.argv.slice(2);

function stopOnSignal({ stop, logger }: RunningGateway): void {
  const end = (signal: string) => {
    logger.info({ signal }, 'stopping');
    stop().then(
      () => process.exit(0),
      (err: Error) => {
        logger.error({ err }, 'did not stop cleanly');
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', end).once('SIGINT', end);
  const crash = (err: unknown) => {
    logger.fatal({ err }, 'unexpected failure');
    process.exit(70);
  };
  process.on('unhandledRejection', crash).on('uncaughtException', crash);
}

try {
  if (command !== 'serve') throw new Error(`${command} is not a command; there is serve`);
  stopOnSignal(await startGateway(loadConfig(gatewaySettings)));
} catch (error) {
  process.stderr.write(`gateway: ${(error as Error).message}\n`);
  process.exit(1);
}
