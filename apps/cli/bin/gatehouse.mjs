#!/usr/bin/env node
import { existsSync } from 'node:fs';

const program = new URL('../dist/src/main.js', import.meta.url);
if (!existsSync(program)) {
  process.stderr.write('gatehouse is not compiled yet; run in the repository: npm run build\n');
  process.exit(5);
}
const { main } = await import(program.href);
process.exitCode = await main(process.argv.slice(2));
