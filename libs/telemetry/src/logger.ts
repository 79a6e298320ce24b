import { type Bindings, type ChildLoggerOptions, type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import { boundedCopy, boundedText } from './bounded-copy.js';
import { maskSecrets } from './mask.js';
import { currentTrace } from './trace-context.js';

/** A structured logger: `logger.info({ keyId }, 'key disabled')`. Errors go under `err`. */
export type Logger = PinoLogger;

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export interface LoggerOptions {
  /** Name of the service, on every line. */
  readonly service: string;
  readonly level?: LogLevel;
  /** Where lines go; standard output, written synchronously, unless given. Tests capture here. */
  readonly destination?: DestinationStream;
}

/**
 * Makes the JSON logger of a service. One line an entry: `level`, `time` (RFC 3339), `service`, `pid`, `traceId` when
 * there is one, the given fields, `msg`.
 *
 * Nothing secret passes, in three steps: fields with a secret name are masked, every text is bounded, and the finished
 * line is searched for keys, tokens, passwords in URLs and e-mail addresses ({@link maskSecrets}).
 *
 * @example
 * const logger = createLogger({ service: 'audit', level: 'info' });
 * logger.warn({ err: error, entries: 12 }, 'batch refused');
 */
export function createLogger(options: LoggerOptions): Logger {
  const settings = {
    level: options.level ?? 'info',
    base: { service: options.service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    // The copy below already turns errors into plain objects; pino's own serializer would add all their fields.
    serializers: { err: (value: unknown) => boundedCopy(value) },
    formatters: { level: (label: string) => ({ level: label }), log: copyFields },
    mixin: traceFields,
    hooks: { logMethod: boundMessage, streamWrite: maskSecrets },
  };
  const logger = options.destination === undefined ? pino(settings) : pino(settings, options.destination);
  return withMaskedChildren(logger);
}

/**
 * pino drops the formatter of bindings for children, so theirs are copied on the way in. Children inherit from their
 * parent object, and so does this.
 */
function withMaskedChildren(logger: Logger): Logger {
  const { child, setBindings } = logger;
  return Object.assign(logger, {
    child(this: Logger, bindings: Bindings, options?: ChildLoggerOptions) {
      return Reflect.apply(child, this, [copyFields(bindings), options]);
    },
    setBindings(this: Logger, bindings: Bindings) {
      setBindings.call(this, copyFields(bindings));
    },
  });
}

function copyFields(fields: object): Record<string, unknown> {
  return boundedCopy({ ...fields }) as Record<string, unknown>;
}

function traceFields(): object {
  const trace = currentTrace();
  return trace === undefined ? {} : { traceId: trace.traceId };
}

type LogArguments = Parameters<PinoLogger['info']>;

function boundMessage(this: Logger, inputs: LogArguments, method: (...inputs: LogArguments) => void): void {
  const [first, ...rest] = inputs as unknown[];
  // `logger.error(error)`: pino would take the whole message of the error as `msg`.
  const given =
    first instanceof Error ? [{ err: first }, rest[0] ?? first.message, ...rest.slice(1)] : [first, ...rest];
  const bounded = given.map((input) => (typeof input === 'string' ? boundedText(input) : input));
  method.apply(this, bounded as LogArguments);
}
