/** Ends what runs until somebody stops it: aborted by SIGINT, SIGTERM or SIGHUP; `end` gives the signals back. */
export function untilSignal(): { readonly signal: AbortSignal; end(): void } {
  const stop = new AbortController();
  const abort = () => stop.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, abort);
  return {
    signal: stop.signal,
    end: () => {
      for (const name of signals) process.off(name, abort);
    },
  };
}
