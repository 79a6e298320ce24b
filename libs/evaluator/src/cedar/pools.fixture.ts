import type { Dice } from './random.fixture.js';

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Texts that an extension takes, and texts that it refuses or that are at its edge. */
export interface Pool {
  readonly right: readonly string[];
  readonly edge: readonly string[];
}

export const addresses: Pool = {
  right: words(
    '10.0.0.1 10.0.0.1/8 10.0.0.0/24 10.0.0.0/8 127.0.0.1 224.0.0.1 0.0.0.0/0 ::1 ff00::/8 2001:db8::1 2001:db8::/32 ::/0',
  ),
  edge: [
    ...words(
      '127.0.0.1/7 127.0.0.1/8 224.0.0.1/3 224.0.0.1/4 ::1/64 ff02::1/4 2001:DB8::1/32 2001:db8:0:0:0:0:0:1 1::2:3/47',
    ),
    ...words(
      '::ffff:10.0.0.1 10.0.0.256 10.0.0.01 10.0.0 1::2::3 1:2:3:4:5:6:7:: ::1:2:3:4:5:6:7:8 10.0.0.1/33 ::1/129',
    ),
    ...words(
      '10.0.0.1/08 10.0.0.1/ /8 fe80::1%1 1:2:3:4:5:6:7:8 1:2:3:4:5:6:7:8:9 12345:: :1 1:2:3:4:5:6:7 10.0.0.1/255 ::',
    ),
    ...['', ' 10.0.0.1', '10.0.0.1 '],
  ],
};
export const decimals: Pool = {
  right: words('0.0 1.5 1.50 -1.5 -0.5 0.0001 12.3456'),
  edge: [
    ...words('922337203685477.5807 -922337203685477.5808 922337203685477.5808 0001.1 1 1. .5 1.23456 +1.0 1e3 - -0.0'),
    ...['', '00000000000000000000000000001.0', '99999999999999999999999999.0', '٣.٣'],
  ],
};
export const datetimes: Pool = {
  right: words(
    '2026-01-01 2026-01-01T00:00:00Z 2026-11-22T09:30:00.250Z 2026-11-22T09:30:00+0100 1969-12-31T23:59:59.999Z 2024-02-29',
  ),
  edge: [
    ...words(
      '0000-01-01 0001-01-01T00:00:00-2359 9999-12-31T23:59:59.999-2359 1970-01-01 1900-03-01 0000-02-29 0000-01-01T00:00:00+2359',
    ),
    ...words(
      '2025-02-29 2026-13-01 2026-00-01 2026-01-01T24:00:00Z 2026-01-01T23:59:60Z 2026-01-01T00:00:00 2026-04-31',
    ),
    ...words(
      '2026-01-01T00:00:00+2400 2026-01-01T00:00:00+0060 2026-1-1 2026-01-01Z 2026-01-01T00:00:00.25Z 1900-02-29',
    ),
    ...['', '2026-01-01T00:00:00z', '2026-01-01 00:00:00Z', '2026-01-01T00:00:00+01:00'],
  ],
};
export const durations: Pool = {
  right: words('0ms 1ms -1ms 1h 60m 1d2h3m4s5ms -1d1ms 86400000ms 2d 90s'),
  edge: [
    ...words(
      '9223372036854775807ms -9223372036854775808ms 106751991167d 106751991168d -106751991168d 9223372036854775808ms',
    ),
    ...words('1d1d 1h1d - 1 1.5h +1h 00000000000000000000001s -0d 18446744073709551616ms 1H'),
    ...['', '1 h'],
  ],
};

export const oneOf = (dice: Dice, { right, edge }: Pool): string => dice.one(dice.chance(0.8) ? right : edge);

export const longs = words(
  '0 1 2 -1 7 1000 -86400000 9007199254740991 9007199254740992 9007199254740993 -9007199254740993',
);
export const extremes = words(
  '9223372036854775807 -9223372036854775808 9223372036854775806 -9223372036854775807 3037000500',
);
export const texts = ['', 'a', 'ab', 'b*c', 'abcabc', '10.0.0.1', '1.5', '2026-01-01', '1h', 'é😀', 'A\\"B'];

/** Types as they stand in policies and, in the same order, in requests; see entity-name.ts. */
export const policyTypes = words('user user team doc doc App::Folder service__account text::_69_n role');
export const types = words('user user team doc doc App::Folder service-account in role');
export const ids = ['a', 'a', 'b', 'x "y"'];
export const actions = ['read', 'read', 'write', 'a.b'];
export const names = [...words('n s t tags rec ip at flag price labels owner id a.b'), 'x y'];
