/**
 * Answers what `work` does, but not before `ms` have passed: whether there was something to do is not to be measured.
 * A failure waits as long.
 */
export async function atLeast<T>(ms: number, work: () => Promise<T>): Promise<T> {
  const floor = new Promise((resolve) => setTimeout(resolve, ms));
  try {
    return await work();
  } finally {
    await floor;
  }
}
