import { runService } from '@gatehouse/service';
import { auditService } from './app.module.js';

await runService(auditService, process.argv.slice(2));
