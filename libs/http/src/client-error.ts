import type { Socket } from 'node:net';
import { type BaseProblemCode, ProblemError, problemDocument } from './problem.js';
import { SECURITY_HEADERS } from './security-headers.js';
import { PROBLEM_CONTENT_TYPE } from './send-problem.js';

/** What Node says of bytes that are no request. */
export interface ClientError extends Error {
  readonly code?: string;
  /** The packet it was found in. */
  readonly rawPacket?: Buffer;
  /** How much of that was read before. */
  readonly bytesParsed?: number;
}

const NODE_CODES: Readonly<Record<string, BaseProblemCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/**
 * Answers what never became a request: malformed HTTP, headers over the limit, a request that does not arrive in time.
 * There is no reply object yet, so the answer is written to the socket as it stands.
 */
export function answerClientError(error: ClientError, socket: Socket): void {
  // An answer to an earlier request of this connection may be under way: nothing may be written into it.
  const { _httpMessage: current } = socket as Socket & { _httpMessage?: { _headerSent?: boolean } };
  if (error.code === 'ECONNRESET' || !socket.writable || current?._headerSent) {
    socket.destroy();
    return;
  }
  const problem = new ProblemError(NODE_CODES[error.code ?? ''] ?? 'malformed_request');
  const body = JSON.stringify(problemDocument(problem));
  const headers = {
    ...SECURITY_HEADERS,
    'content-type': PROBLEM_CONTENT_TYPE,
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end([`HTTP/1.1 ${problem.status} ${problem.code}`, ...lines, '', body].join('\r\n'));
}
