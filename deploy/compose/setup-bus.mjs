#!/usr/bin/env node
/** Creates the stream and the consumers in the NATS of the environment, and ends (src/setup-bus.ts). */
import { runSetupBus } from '@gatehouse/deploy';

process.exitCode = await runSetupBus(process.env);
