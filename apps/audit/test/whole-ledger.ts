import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect } from '@jest/globals';
import { readHeadFile } from '../src/checkpoint/head-file.js';
import { logKey } from '../src/checkpoint/log-key.js';
import { checkLedger } from '../src/fsck/check-ledger.js';
import { type AuditGround, coveredSize, ledgerSize } from './audit-stack.js';

export const keyOf = (ground: AuditGround) =>
  logKey('gatehouse.local/ledger', createPrivateKey(readFileSync(ground.env.LEDGER_KEY_FILE ?? '')));

/** How many events the two other services have. */
export async function published(ground: AuditGround): Promise<number> {
  const { rows } = await ground.admin.query<{ n: string }>(
    'select (select count(*) from identity.events) + (select count(*) from policy.events) as n',
  );
  return Number(rows[0]?.n);
}

async function idsOf(ground: AuditGround, query: string): Promise<readonly string[]> {
  const { rows } = await ground.admin.query<{ id: string }>(query);
  return rows.map((row) => row.id);
}

/**
 * Waits until everything is in the ledger and signed, then demands: every event once, in the order of its service's log,
 * no hole, the whole tree, and every checkpoint an extension of the one before.
 */
export async function expectWholeLedger(ground: AuditGround, timeoutMs = 40_000): Promise<void> {
  const total = await published(ground);
  await ledgerSize(ground, total, timeoutMs);
  await coveredSize(ground, total, timeoutMs);
  for (const source of ['identity', 'policy']) {
    const logged = await idsOf(ground, `select id from ${source}.events order by tx, seq`);
    const entered = await idsOf(
      ground,
      `select event_id id from audit.entries where source = '${source}' order by idx`,
    );
    // The first difference, and not two lists of thousands.
    const at = logged.findIndex((id, i) => entered[i] !== id);
    expect({ source, entered: entered.length, differsAt: at }).toEqual({
      source,
      entered: logged.length,
      differsAt: -1,
    });
  }
  const key = keyOf(ground);
  const head = await readHeadFile(ground.env.LEDGER_HEAD_FILE ?? '', key);
  const promised = head && { name: 'the file', size: head.size, root: head.root };
  const report = await checkLedger({ query: ground.admin, log: key, promised });
  expect(report).toMatchObject({ ok: true, entries: total, problems: [] });
}
