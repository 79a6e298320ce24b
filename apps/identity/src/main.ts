import { runService } from '@gatehouse/service';
import { identityService } from './app.module.js';

await runService(identityService, process.argv.slice(2));
