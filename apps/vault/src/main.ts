import { runService } from '@gatehouse/service';
import { vaultService } from './app.module.js';

await runService(vaultService, process.argv.slice(2));
