import { runService } from '@gatehouse/service';
import { relayService } from './app.module.js';

await runService(relayService, process.argv.slice(2));
