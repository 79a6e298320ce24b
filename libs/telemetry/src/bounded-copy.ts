import { types } from 'node:util';
import { isSecretName, MASK } from './mask.js';

/** Bounds of what one log line may carry. Lengths are in UTF-16 units. */
export const LOG_LIMITS = { textLength: 2048, stackLength: 4096, depth: 6, items: 50, nodes: 400 } as const;

interface Budget {
  nodes: number;
}

/**
 * Copies a value for a log line: secret-named fields are masked, long texts cut, deep or wide structures shortened,
 * errors turned into `{type, message, code, stack, cause}`. What was cut says so. Never throws on cycles or getters.
 *
 * @example boundedCopy({ user: 'u1', password: 'x' }) // { user: 'u1', password: '[redacted]' }
 */
export function boundedCopy(value: unknown): unknown {
  return copy(value, 0, { nodes: LOG_LIMITS.nodes });
}

/** Cuts a text to the bound and says how much is missing. */
export function boundedText(text: string, maxLength: number = LOG_LIMITS.textLength): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength)}… (${text.length - maxLength} more)`;
}

function copy(value: unknown, depth: number, budget: Budget): unknown {
  if (typeof value === 'string') return boundedText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'function' || typeof value === 'symbol') return `[${typeof value}]`;
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= LOG_LIMITS.depth || --budget.nodes < 0) return '[too deep or too large]';
  try {
    return copyObject(value, depth, budget);
  } catch {
    return '[unreadable]';
  }
}

function copyObject(value: object, depth: number, budget: Budget): unknown {
  if (types.isNativeError(value) || value instanceof Error) return copyError(value, depth, budget);
  if (Array.isArray(value)) return copyArray(value, depth, budget);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if ('toJSON' in value && typeof value.toJSON === 'function') return copy(value.toJSON(), depth + 1, budget);
  if (value instanceof Map || value instanceof Set) return copyArray([...value], depth, budget);
  return copyFields(value, depth, budget);
}

function copyArray(values: readonly unknown[], depth: number, budget: Budget): unknown[] {
  const copies = values.slice(0, LOG_LIMITS.items).map((item) => copy(item, depth + 1, budget));
  if (values.length > LOG_LIMITS.items) copies.push(`… (${values.length - LOG_LIMITS.items} more)`);
  return copies;
}

function copyFields(value: object, depth: number, budget: Budget): Record<string, unknown> {
  const copies: Record<string, unknown> = {};
  let count = 0;
  for (const [name, field] of Object.entries(value)) {
    if (++count > LOG_LIMITS.items) {
      copies['…'] = 'more fields';
      break;
    }
    copies[boundedText(name, 128)] = isSecretName(name) && field != null ? MASK : copy(field, depth + 1, budget);
  }
  return copies;
}

/** PostgreSQL puts row values into `detail` and `where`; only fields known to be harmless are taken from an error. */
function copyError(error: Error, depth: number, budget: Budget): Record<string, unknown> {
  const copied: Record<string, unknown> = { type: error.name, message: boundedText(error.message) };
  if ('code' in error && (typeof error.code === 'string' || typeof error.code === 'number')) copied.code = error.code;
  if ('constraint' in error && typeof error.constraint === 'string') copied.constraint = error.constraint;
  if (error.stack !== undefined) copied.stack = boundedText(error.stack, LOG_LIMITS.stackLength);
  if (error.cause !== undefined) copied.cause = copy(error.cause, depth + 1, budget);
  if (error instanceof AggregateError) copied.errors = copyArray(error.errors.slice(0, 5), depth, budget);
  return copied;
}
