export * from './envelope.js';
export * from './identity/events.js';
export * from './policy/events.js';
export * from './policy/rpc.js';
export * from './position.js';
export * from './rewind.js';
