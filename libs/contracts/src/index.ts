export * from './envelope.js';
export * from './position.js';
