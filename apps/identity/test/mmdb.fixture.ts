/** The few types of the MaxMind DB format 2.0 that a database of countries needs. */
type Value = string | number | bigint | readonly Value[] | { readonly [name: string]: Value };

const control = (type: number, size: number): Buffer =>
  type < 8 ? Buffer.from([(type << 5) | size]) : Buffer.from([size, type - 7]);

function encode(value: Value): Buffer {
  if (typeof value === 'string') return Buffer.concat([control(2, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === 'number') return Buffer.concat([control(6, 4), uint32(value)]);
  if (typeof value === 'bigint') return Buffer.concat([control(9, 8), uint32(0), uint32(Number(value))]);
  if (Array.isArray(value)) return Buffer.concat([control(11, value.length), ...value.map(encode)]);
  const entries = Object.entries(value);
  return Buffer.concat([
    control(7, entries.length),
    ...entries.flatMap(([name, each]) => [encode(name), encode(each)]),
  ]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const marker = Buffer.from('abcdef4d61784d696e642e636f6d', 'hex');

/** A database that knows the countries of some networks of IPv4 (`203.0.113.0/24`), and of nothing else. */
export function countryDatabase(countries: Readonly<Record<string, string>>): Buffer {
  const nodes: [left: number | string | undefined, right: number | string | undefined][] = [[undefined, undefined]];
  for (const [network, country] of Object.entries(countries)) {
    const [address = '', length] = network.split('/');
    const bits = address
      .split('.')
      .map((part) => Number(part).toString(2).padStart(8, '0'))
      .join('')
      .slice(0, Number(length));
    let node = 0;
    for (const [i, bit] of [...bits].entries()) {
      const side = bit === '1' ? 1 : 0;
      const row = nodes[node] as (typeof nodes)[number];
      if (i === bits.length - 1) row[side] = country;
      else if (typeof row[side] === 'number') node = row[side];
      else {
        nodes.push([undefined, undefined]);
        row[side] = nodes.length - 1;
        node = nodes.length - 1;
      }
    }
  }
  const offsets = new Map<string, number>();
  const data: Buffer[] = [];
  for (const country of new Set(Object.values(countries))) {
    offsets.set(
      country,
      data.reduce((sum, { length }) => sum + length, 0),
    );
    data.push(encode({ country: { iso_code: country } }));
  }
  const recordOf = (record: number | string | undefined): number => {
    if (typeof record === 'string') return nodes.length + 16 + (offsets.get(record) ?? 0);
    return record ?? nodes.length;
  };
  const tree = nodes.flat().map((record) => uint32(recordOf(record)).subarray(1));
  const facts = { node_count: nodes.length, record_size: 24, ip_version: 4, binary_format_major_version: 2 };
  const more = {
    binary_format_minor_version: 0,
    build_epoch: 1n,
    database_type: 'Test',
    languages: [],
    description: {},
  };
  return Buffer.concat([...tree, Buffer.alloc(16), ...data, marker, encode({ ...facts, ...more })]);
}
