export { Connection, connectionFromEnv } from './connection.js';
export { type ConfigRow, configTable, describeConfig } from './describe.js';
export { ConfigError, type ConfigProblem, loadTogether } from './errors.js';
export { loadConfig } from './load.js';
export { isSampleSecret } from './sample-secret.js';
export { setting } from './setting.js';
export { type Environment, readVariable } from './variable.js';
