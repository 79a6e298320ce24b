export { SharedBound } from './shared-bound.js';
