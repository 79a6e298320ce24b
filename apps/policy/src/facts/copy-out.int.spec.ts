import { openPool } from '@gatehouse/event-store';
import { startTestPostgres, type TestPostgres } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { type CopiedRow, copyOut, readCopiedRow } from './copy-out.js';

let server: TestPostgres;
let pool: pg.Pool;
beforeAll(async () => {
  server = await startTestPostgres();
  pool = openPool({ url: server.url, max: 2, applicationName: 'spec' });
});
afterAll(async () => {
  await pool?.end();
  await server?.stop();
});

const odd = [
  '',
  'a\tb',
  'line\nbreak\r',
  'back\\slash',
  '\\N',
  'N',
  '\\\\n',
  '\b\f\v',
  'é€😀',
  'x'.repeat(100_000),
  null,
];
const rows = async (select: string) => {
  const client = await pool.connect();
  const found: CopiedRow[] = [];
  try {
    await copyOut(client, select, (row) => void found.push([...row]));
  } finally {
    client.release();
  }
  return found;
};

describe('rows that are copied out', () => {
  it('are the rows of the statement, whatever characters they hold', async () => {
    const list = odd.map((text) => (text === null ? 'null' : `e'${text.replaceAll('\\', '\\\\')}'`)).join(',');
    expect(await rows(`select ${list}`)).toEqual([odd]);
    expect(await rows(`select t, 1 from unnest(array[${list}]) t`)).toEqual(odd.map((text) => [text, '1']));
    expect(await rows('select 1 where false')).toEqual([]);
  });

  it('come in their number and order, and leave the connection as it was', async () => {
    const found = await rows('select n, null from generate_series(1, 50000) n');
    expect(found.length).toBe(50_000);
    expect(found.at(-1)).toEqual(['50000', null]);
    expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }]);
  });

  it('are an error where the statement is one', async () => {
    await expect(rows('select nothing')).rejects.toMatchObject({ code: '42703' });
    expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }]);
  });

  it('end with whoever can’t take them', async () => {
    const client = await pool.connect();
    client.on('error', () => undefined);
    let taken = 0;
    const copy = copyOut(client, 'select n from generate_series(1, 5000000) n', () => {
      if (++taken === 10) throw new RangeError('enough');
    });
    await expect(copy).rejects.toThrow('enough');
    expect(taken).toBe(10);
    client.release(true);
  });

  it('are read without a line break at their end, too', () => {
    expect(readCopiedRow(Buffer.from('a\t\\N\tb') as never, [])).toEqual(['a', null, 'b']);
  });
});
