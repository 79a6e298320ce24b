export { safeParse } from './safe-parse.js';
