/** A failure the person at the terminal can act on: shown as it is, without a stack trace. */
export class UpError extends Error {
  /** 2 for a wrong call, as usual on the command line; 1 for everything else. */
  readonly exitCode: number;

  constructor(message: string, options?: ErrorOptions & { exitCode?: number }) {
    super(message, options);
    this.name = 'UpError';
    this.exitCode = options?.exitCode ?? 1;
  }
}
