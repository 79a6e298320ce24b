import type { Logger } from '@gatehouse/telemetry';
import type { LoggerService } from '@nestjs/common';

/**
 * Nest's own messages as structured lines. What Nest calls `log` (every route it maps) is debug here. Nest passes the
 * component's name as the last argument and, for errors, the stack before it.
 */
export function nestLogger(logger: Logger): LoggerService {
  const write =
    (level: 'debug' | 'warn' | 'error' | 'fatal') =>
    (message: unknown, ...rest: unknown[]) => {
      const component = rest.at(-1);
      const fields = { component, ...(message instanceof Error ? { err: message } : {}) };
      logger[level](fields, message instanceof Error ? message.message : String(message));
    };
  return {
    log: write('debug'),
    debug: write('debug'),
    verbose: write('debug'),
    warn: write('warn'),
    error: write('error'),
    fatal: write('fatal'),
  };
}
