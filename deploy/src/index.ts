export { runInit } from './init.js';
export { runSetupBus, setupBusSettings } from './setup-bus.js';
