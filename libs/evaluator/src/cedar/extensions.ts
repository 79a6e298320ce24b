import { Datetime, Duration, parseDatetime, parseDuration } from './datetime.js';
import { Decimal, parseDecimal } from './decimal.js';
import { Ip, isLoopback, isMulticast, parseIp } from './ip.js';
import { divide } from './long.js';
import type { CedarValue } from './values.js';

export interface ExtensionFunction {
  readonly arity: 1 | 2;
  call(first: CedarValue, second: CedarValue): CedarValue | undefined;
}

/** What is of another type is an error. */
const ofText = (make: (text: string) => CedarValue | undefined): ExtensionFunction => ({
  arity: 1,
  call: (text) => (typeof text === 'string' ? make(text) : undefined),
});

const ofIp = (test: (ip: Ip) => boolean): ExtensionFunction => ({
  arity: 1,
  call: (ip) => (ip instanceof Ip ? test(ip) : undefined),
});

const ofDecimals = (compare: (a: Decimal, b: Decimal) => boolean): ExtensionFunction => ({
  arity: 2,
  call: (a, b) => (a instanceof Decimal && b instanceof Decimal ? compare(a, b) : undefined),
});

const ofDatetime = (make: (at: Datetime) => CedarValue | undefined): ExtensionFunction => ({
  arity: 1,
  call: (at) => (at instanceof Datetime ? make(at) : undefined),
});

const inUnits = (unitMs: number): ExtensionFunction => ({
  arity: 1,
  call: (duration) => (duration instanceof Duration ? divide(duration.ms, unitMs) : undefined),
});

/** Every function of Cedar's extensions, by the name it has in policies. */
export const extensionFunctions: ReadonlyMap<string, ExtensionFunction> = new Map(
  Object.entries<ExtensionFunction>({
    ip: ofText(parseIp),
    isIpv4: ofIp((ip) => ip.isV4),
    isIpv6: ofIp((ip) => !ip.isV4),
    isLoopback: ofIp(isLoopback),
    isMulticast: ofIp(isMulticast),
    isInRange: { arity: 2, call: (a, b) => (a instanceof Ip && b instanceof Ip ? a.isInRange(b) : undefined) },

    decimal: ofText(parseDecimal),
    lessThan: ofDecimals((a, b) => a.value < b.value),
    lessThanOrEqual: ofDecimals((a, b) => a.value <= b.value),
    greaterThan: ofDecimals((a, b) => a.value > b.value),
    greaterThanOrEqual: ofDecimals((a, b) => a.value >= b.value),

    datetime: ofText(parseDatetime),
    offset: { arity: 2, call: (a, b) => (a instanceof Datetime && b instanceof Duration ? a.offset(b) : undefined) },
    durationSince: {
      arity: 2,
      call: (a, b) => (a instanceof Datetime && b instanceof Datetime ? a.since(b) : undefined),
    },
    toDate: ofDatetime((at) => at.date()),
    toTime: ofDatetime((at) => at.time()),

    duration: ofText(parseDuration),
    toMilliseconds: inUnits(1),
    toSeconds: inUnits(1_000),
    toMinutes: inUnits(60_000),
    toHours: inUnits(3_600_000),
    toDays: inUnits(86_400_000),
  }),
);
