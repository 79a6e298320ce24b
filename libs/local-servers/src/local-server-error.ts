/** Stable codes, so that a caller can add its own advice (which flag changes the port) without reading the text. */
export type LocalServerErrorCode =
  | 'port-in-use'
  | 'data-in-use'
  | 'data-version'
  | 'data-damaged'
  | 'no-binary'
  | 'binary-too-old'
  | 'download-failed'
  | 'checksum-mismatch'
  | 'not-accessible'
  | 'start-failed';

/** An expected failure to start a local server; the message is meant for the person at the terminal. */
export class LocalServerError extends Error {
  readonly code: LocalServerErrorCode;

  constructor(code: LocalServerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LocalServerError';
    this.code = code;
  }
}
