/** What a script may rely on. */
export const exitCodes = {
  ok: 0,
  /** The answer is no: a decision denied (with --check), a proof that does not hold, a thing that is not there. */
  negative: 1,
  usage: 2,
  unauthenticated: 3,
  forbidden: 4,
  unavailable: 5,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
/** That of a program which ran in our place: 0 to 255. */
export type ChildExitCode = number & { readonly ofChild: never };

/** Ends a command with one line for the person, and what to do next. The texts hold no secret. */
export class Failure extends Error {
  override readonly name = 'Failure';

  constructor(
    readonly exitCode: ExitCode,
    message: string,
    readonly next?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export const usageFailure = (message: string, next?: string): Failure => new Failure(exitCodes.usage, message, next);
