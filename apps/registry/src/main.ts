import { runService } from '@gatehouse/service';
import { registryService } from './app.module.js';

await runService(registryService, process.argv.slice(2));
