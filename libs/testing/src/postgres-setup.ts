export { start as default } from './postgres-for-run.js';
