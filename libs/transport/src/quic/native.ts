import type { Quiche } from '@matrixai/quic/native/quiche.js';
import type { Host, PathEvent as NativePathEvent } from '@matrixai/quic/native/types.js';

export type { Quiche } from '@matrixai/quic/native/quiche.js';
export type { Config, Connection, Host } from '@matrixai/quic/native/types.js';

/** As the binding gives them out; its types leave out the failure. */
export type PathEvent =
  | NativePathEvent
  | { readonly type: 'FailedValidation'; readonly local: Host; readonly peer: Host };

let loading: Promise<Quiche | undefined> | undefined;

/**
 * The QUIC library: of `@matrixai/quic` the binding of quiche alone, without the classes around it. Loaded when first needed.
 * Undefined: there is no build for this platform (it has them for x64, and for macOS), and TLS carries everything.
 */
export function loadQuiche(): Promise<Quiche | undefined> {
  loading ??= import('@matrixai/quic/native/quiche.js').then(
    (module) => module.default,
    () => undefined,
  );
  return loading;
}

export const isQuicAvailable = async (): Promise<boolean> => (await loadQuiche()) !== undefined;
