export { comparable, safeParse } from './safe-parse.js';
