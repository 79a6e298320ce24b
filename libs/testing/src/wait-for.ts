/** What is left of a type when its value is known to be truthy. */
export type Truthy<T> = Exclude<T, false | 0 | 0n | '' | null | undefined>;

export interface WaitOptions {
  /** Default 30 s: what is waited for comes late on a busy machine. */
  timeoutMs?: number;
  /** Pause between two tries; default 20 ms. */
  intervalMs?: number;
  /** What was waited for, in the error; a function is called at the deadline, to show the last state seen. */
  message?: string | (() => string);
}

/**
 * Waits until a condition gives a truthy value, and returns that value. A throwing condition counts as not yet.
 * Rejects at the deadline with `message` and the last error.
 *
 * @example const row = await waitFor(() => findRow(id), { timeoutMs: 5_000, message: 'row in the projection' });
 */
export async function waitFor<T>(condition: () => T | Promise<T>, options: WaitOptions = {}): Promise<Truthy<T>> {
  const { timeoutMs = 30_000, intervalMs = 20, message = 'condition' } = options;
  const deadline = Date.now() + timeoutMs;
  for (let lastError: unknown; ; ) {
    try {
      const value = await condition();
      if (value) return value as Truthy<T>;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (Date.now() >= deadline) {
      const text = typeof message === 'function' ? message() : message;
      throw new Error(`not within ${timeoutMs} ms: ${text}`, { cause: lastError });
    }
    await new Promise((wake) => setTimeout(wake, intervalMs));
  }
}
