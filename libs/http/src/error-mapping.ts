import { types } from 'node:util';
import { HttpException } from '@nestjs/common';
import { type BaseProblemCode, ProblemError } from './problem.js';

/** Fastify's own refusals. Codes that are not here are mistakes of ours and answer 500. */
const FASTIFY_CODES: Readonly<Record<string, BaseProblemCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed_body',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed_body',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed_body',
  FST_ERR_BAD_URL: 'malformed_request',
  FST_ERR_MAX_PARAM_LENGTH: 'uri_too_long',
  FST_ERR_NOT_FOUND: 'not_found',
  FST_ERR_HANDLER_TIMEOUT: 'timeout',
};

/** Nest's exceptions, by status: Nest itself throws 404 for unknown routes, libraries throw the others. */
const STATUS_CODES: Readonly<Record<number, BaseProblemCode>> = {
  400: 'malformed_request',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  412: 'stale_revision',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  429: 'rate_limited',
  503: 'unavailable',
};

/** Translates an error of a service's domain; undefined leaves it to the mapping here. */
export type MapError = (error: unknown) => ProblemError | undefined;

/**
 * Turns whatever was thrown into a problem of the table. What is not known is `internal`: its text never leaves the
 * process, it becomes the problem's `cause` for the log.
 */
export function toProblem(error: unknown, mapError?: MapError): ProblemError {
  if (error instanceof ProblemError) return error;
  const mapped = mapError?.(error);
  if (mapped !== undefined) return mapped;
  const code = codeOf(error) ?? 'internal';
  return new ProblemError(code, undefined, { cause: error });
}

function codeOf(error: unknown): BaseProblemCode | undefined {
  if (error instanceof HttpException) return STATUS_CODES[error.getStatus()];
  if (!types.isNativeError(error) && !(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string') return FASTIFY_CODES[error.code];
  // The JSON parser (secure-json-parse) marks its refusals, prototype poisoning included, with a status only.
  const isParseError = 'statusCode' in error && error.statusCode === 400;
  return isParseError ? 'malformed_body' : undefined;
}
