/** One thing that is wrong with the environment. Names the variable and never quotes its value. */
export interface ConfigProblem {
  readonly variable: string;
  readonly problem: string;
}

/**
 * The environment does not describe a runnable service. Carries every problem found, so that one restart
 * is enough to fix them all. The message is safe to print: it holds variable names, never values.
 *
 * @example
 * try { loadConfig(schema) } catch (error) { if (error instanceof ConfigError) console.error(error.message) }
 */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ variable, problem }) => `  ${variable}: ${problem}`);
    super(`The configuration has ${problems.length} problem(s):\n${lines.join('\n')}`);
  }
}

type Loaders = Readonly<Record<string, () => unknown>>;

/**
 * Runs several loaders and joins their problems, so that a wrong database URL does not hide a wrong port.
 *
 * @returns an object with one loaded value per loader
 * @throws ConfigError with the problems of all loaders; any other error passes through at once
 * @example
 * const { settings, database } = loadTogether({
 *   settings: () => loadConfig(schema),
 *   database: () => connectionFromEnv(process.env, 'DATABASE'),
 * });
 */
export function loadTogether<T extends Loaders>(loaders: T): { [K in keyof T]: ReturnType<T[K]> } {
  const problems: ConfigProblem[] = [];
  const loaded: Record<string, unknown> = {};
  for (const [name, load] of Object.entries(loaders)) {
    try {
      loaded[name] = load();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return loaded as { [K in keyof T]: ReturnType<T[K]> };
}
