export { IdentityLog } from './identity-log.js';
export { type ProgramOptions, type RunningProgram, runProgram } from './program.js';
