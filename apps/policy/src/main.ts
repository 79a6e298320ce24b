import { runService } from '@gatehouse/service';
import { policyService } from './app.module.js';

await runService(policyService, process.argv.slice(2));
