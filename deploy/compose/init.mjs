#!/usr/bin/env node
/** Makes what docker-compose.yml needs: keys, logins, certificate, and .env (src/init.ts; deploy/README.md). */
import { runInit } from '@gatehouse/deploy';

process.exitCode = await runInit(process.argv.slice(2));
