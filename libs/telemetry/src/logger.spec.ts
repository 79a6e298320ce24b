import { describe, expect, it } from '@jest/globals';
import { LOG_LIMITS } from './bounded-copy.js';
import { createLogger, type Logger, type LogLevel } from './logger.js';
import { newTraceContext, runWithTrace } from './trace-context.js';

const KEY = `mas_${'K0123456789abcdef'.repeat(3)}xyz`;

function capture(level: LogLevel = 'debug') {
  const lines: string[] = [];
  const logger = createLogger({ service: 'audit', level, destination: { write: (line) => lines.push(line) } });
  const last = () => JSON.parse(lines.at(-1) ?? 'null') as Record<string, unknown>;
  return { logger, lines, last };
}

describe('a log line', () => {
  it('has level, time, service, the fields and the message', () => {
    const { logger, last } = capture();
    logger.info({ entries: 3 }, 'appended');
    expect(last()).toMatchObject({ level: 'info', service: 'audit', entries: 3, msg: 'appended', pid: process.pid });
    expect(new Date(String(last().time)).toISOString()).toBe(last().time);
  });

  it('has the trace id inside a trace, and none outside', () => {
    const { logger, last } = capture();
    const trace = newTraceContext();
    runWithTrace(trace, () => logger.info('inside'));
    expect(last().traceId).toBe(trace.traceId);
    logger.info('outside');
    expect(last()).not.toHaveProperty('traceId');
  });

  it('is written only from the level up', () => {
    const { logger, lines } = capture('warn');
    logger.info('quiet');
    logger.warn('loud');
    expect(lines).toHaveLength(1);
  });
});

describe('a secret is in no line', () => {
  const cyclic: Record<string, unknown> = { note: KEY };
  cyclic.self = cyclic;
  const ways: [string, (logger: Logger) => void][] = [
    ['in the message', (logger) => logger.info(`used ${KEY}`)],
    ['in a format argument', (logger) => logger.info('used %s and %j', KEY, { a: KEY })],
    ['in a field', (logger) => logger.info({ note: KEY }, 'x')],
    ['deep in a field', (logger) => logger.info({ a: { b: [{ c: KEY }] } }, 'x')],
    ['as the name of a field', (logger) => logger.info({ [KEY]: 1 }, 'x')],
    [
      'under a secret name',
      (logger) => logger.info({ headers: { Authorization: 'Basic K0123456789abcdefK0123' } }, 'x'),
    ],
    ['under a secret name as an object', (logger) => logger.info({ token: { raw: 'K0123456789abcdefK0123' } }, 'x')],
    ['in an error', (logger) => logger.error(new Error(`bad ${KEY}`))],
    ['in an error with a message', (logger) => logger.error({ err: new Error(`bad ${KEY}`) }, 'x')],
    ['in a cause', (logger) => logger.error({ err: new Error('x', { cause: new Error(KEY) }) }, 'x')],
    [
      'in the fields of an error',
      (logger) => logger.error({ err: Object.assign(new Error('x'), { detail: KEY }) }, 'x'),
    ],
    ['in an aggregate', (logger) => logger.error({ err: new AggregateError([new Error(KEY)], 'x') }, 'x')],
    ['in a child', (logger) => logger.child({ note: KEY, password: 'K0123456789abcdefK0123' }).info('x')],
    ['in a grandchild', (logger) => logger.child({}).child({ password: 'K0123456789abcdefK0123' }).info('x')],
    [
      'in later bindings',
      (logger) => {
        const child = logger.child({});
        child.setBindings({ password: 'K0123456789abcdefK0123' });
        child.info('x');
      },
    ],
    ['in a map', (logger) => logger.info({ map: new Map([['a', KEY]]) }, 'x')],
    ['in a cycle', (logger) => logger.info(cyclic, 'x')],
    ['in toJSON', (logger) => logger.info({ a: { toJSON: () => ({ note: KEY }) } }, 'x')],
    ['in bytes', (logger) => logger.info({ bytes: Buffer.from(KEY) }, 'x')],
    ['at the edge of a cut', (logger) => logger.info({ note: 'x'.repeat(LOG_LIMITS.textLength - 12) + KEY }, 'x')],
  ];

  it.each(ways)('%s', (_name, write) => {
    const { logger, lines } = capture();
    write(logger);
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain(KEY.slice(14, 24));
    expect(() => JSON.parse(lines[0] ?? '')).not.toThrow();
  });
});

describe('a line is bounded', () => {
  const deep = () => {
    let value: unknown = 'end';
    for (let level = 0; level < 5000; level++) value = { value };
    return value;
  };
  const hostile: [string, () => unknown][] = [
    ['a long text', () => ({ a: 'x'.repeat(1e6) })],
    ['a long list', () => ({ a: Array.from({ length: 1e5 }, (_, index) => `item ${index}`) })],
    ['many fields', () => Object.fromEntries(Array.from({ length: 1e4 }, (_, index) => [`f${index}`, index]))],
    ['long names', () => ({ ['n'.repeat(1e5)]: 1 })],
    ['depth', () => ({ a: deep() })],
    [
      'width and depth',
      () => ({ a: Array.from({ length: 50 }, () => Array.from({ length: 50 }, () => ({ b: [1] }))) }),
    ],
    ['an error with a long message', () => ({ err: new Error('x'.repeat(1e6)) })],
  ];

  it.each(hostile)('for %s', (_name, make) => {
    const { logger, lines } = capture();
    logger.info(make() as object, 'x');
    expect(lines[0]?.length).toBeLessThan(250_000);
    expect(() => JSON.parse(lines[0] ?? '')).not.toThrow();
  });

  it('also in its message', () => {
    const { logger, lines } = capture();
    logger.info('x'.repeat(1e6));
    logger.error(new Error('x'.repeat(1e6)));
    for (const line of lines) expect(line.length).toBeLessThan(20_000);
  });

  it('and survives what throws when read', () => {
    const { logger, last } = capture();
    const trap = Object.defineProperty({}, 'boom', {
      enumerable: true,
      get: () => {
        throw new Error('no');
      },
    });
    logger.info({ trap, big: 10n, missing: undefined, when: new Date(0), fn: () => 1 }, 'x');
    expect(last()).toMatchObject({
      trap: '[unreadable]',
      big: '10',
      when: '1970-01-01T00:00:00.000Z',
      fn: '[function]',
    });
  });
});
