import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import type * as CedarWasm from '@cedar-policy/cedar-wasm/nodejs';

type Engine = typeof CedarWasm;

const require = createRequire(import.meta.url);
const name = '@cedar-policy/cedar-wasm/nodejs';
let loaded: Engine | undefined;

/** The engine is 4 MB of WebAssembly and some 60 ms: who has no Cedar text never loads it. */
export function engine(): Engine {
  loaded ??= load();
  return loaded;
}

/**
 * V8 11 (Node 20) inlines calls into WebAssembly that are made often, and ends the process ("unreachable code") when it
 * takes such code back: seen after some 25,000 questions. So it is told not to.
 */
function load(): Engine {
  if (process.versions.v8.startsWith('11.')) setFlagsFromString('--no-turbo-inline-js-wasm-calls');
  return require(name) as Engine;
}

/**
 * Asks the engine. If it traps, its memory can't be trusted any more: that instance is dropped and the answer is undefined.
 * The bounds of text.ts keep that from happening; this is for what they do not foresee.
 */
export function ask<T>(question: (cedar: Engine) => T): T | undefined {
  try {
    return question(engine());
  } catch {
    forgetEngine();
    return undefined;
  }
}

function forgetEngine(): void {
  loaded = undefined;
  delete require.cache[require.resolve(name)];
}
