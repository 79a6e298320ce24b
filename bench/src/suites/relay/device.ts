import { answer } from './bench-stream.js';
import { beDevice, type Way } from './ways.js';

// The device of the suite `relay`, as a process of its own. Its argument is the way, as JSON.
await beDevice(JSON.parse(process.argv[2] ?? '{}') as Way, answer);
process.stdout.write('ready\n');
