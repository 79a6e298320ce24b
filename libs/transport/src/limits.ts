import type { CarrierLimits } from './carrier.js';

export type Limits = Required<CarrierLimits>;

const defaults: Limits = {
  streams: 1_024,
  streamWindow: 1 << 20,
  connectionWindow: 16 << 20,
  idleMs: 10_000,
  keepAliveMs: 3_000,
  largestDatagram: 16_383,
};

const ranges: Record<keyof Limits, readonly [number, number]> = {
  streams: [1, 65_536],
  streamWindow: [4_096, 1 << 26],
  connectionWindow: [65_536, 1 << 30],
  idleMs: [100, 600_000],
  keepAliveMs: [20, 300_000],
  largestDatagram: [1_200, 60_000],
};

/** @throws RangeError naming the limit that cannot be */
export function completeLimits(given: CarrierLimits = {}): Limits {
  const limits = { ...defaults, ...given };
  for (const [name, [least, most]] of Object.entries(ranges) as [keyof Limits, readonly [number, number]][]) {
    const value = limits[name];
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new RangeError(`${name} must be a whole number from ${least} to ${most}`);
    }
  }
  if (limits.keepAliveMs >= limits.idleMs) throw new RangeError('keepAliveMs must be less than idleMs');
  return limits;
}
