export interface LintOptions {
  /** Actions that are known beside Gatehouse's own. */
  readonly actions?: readonly string[];
  /** The line where a path stands, to name another rule by. */
  readonly lineOf?: (path: string) => number | undefined;
}
