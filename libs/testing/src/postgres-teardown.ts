export { stop as default } from './postgres-for-run.js';
