export * from './canonical-json.js';
export * from './uuidv7.js';
