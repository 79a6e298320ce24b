import type { Quiche } from '@matrixai/quic/native/quiche.js';

export type { Quiche } from '@matrixai/quic/native/quiche.js';
export type { Config, Connection, Host, PathEvent } from '@matrixai/quic/native/types.js';

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
