/** Injection tokens of what the controllers share. */
export const LOG_KEY = Symbol('audit.log-key');
/** The stored tree, with a cache before it. */
export const TILES = Symbol('audit.tiles');
