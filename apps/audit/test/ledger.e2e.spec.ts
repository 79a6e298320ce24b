import { verifyConsistency, verifyProofFile } from '@gatehouse/merkle';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { logIdentity } from '../src/checkpoint/log-key.js';
import { openCheckpointText } from '../src/checkpoint/signed-checkpoint.js';
import { type AuditStack, coveredSize, ledgerSize, prepareGround, startAudit } from './audit-stack.js';

interface Listed {
  readonly entries: { readonly index: number; readonly id: string; readonly summary: string }[];
  readonly nextCursor: string | null;
}

let stack: AuditStack;
let key: string;
let otherKey: string;
let nobody: string;

const list = async (query: string, as = key): Promise<Listed> => {
  const response = await stack.get(`/api/v1/audit/entries?${query}`, as);
  expect(response.status).toBe(200);
  return (await response.json()) as Listed;
};
const text = async (path: string, as = key): Promise<string> => {
  const response = await stack.get(`/api/v1/audit/${path}`, as);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toContain('text/plain');
  return response.text();
};

beforeAll(async () => {
  stack = await startAudit(await prepareGround());
  key = await stack.identity.createKey(stack.pepper, 'main', 'auditor');
  otherKey = await stack.identity.createKey(stack.pepper, 'other', 'auditor');
  nobody = await stack.identity.createKey(stack.pepper, 'main', 'nobody');
  await stack.policy.decideMany(600, (i) => ({
    tenantId: i % 3 === 0 ? 'other' : 'main',
    subject: `user-${i % 7}`,
    action: i % 2 === 0 ? 'secret.read' : 'deploy.preview',
    decision: i % 5 === 0,
    now: Date.parse('2026-11-01T00:00:00Z') + i * 1_000,
  }));
  await stack.policy.decide();
  await ledgerSize(stack, 604);
  await coveredSize(stack, 604);
  await waitFor(async () => (await stack.get('/readyz')).status === 200, { message: 'audit is ready' });
});
afterAll(async () => stack?.stop());

describe('entries', () => {
  it('lists newest first by when they happened, and says in a sentence what happened', async () => {
    const { entries } = await list('limit=2');
    expect(entries).toHaveLength(2);
    const { entries: decided } = await list('actor=developer-07');
    expect(decided).toMatchObject([
      {
        summary: 'Actor developer-07 touched prod/DATABASE_URL and the decision was denied.',
        resource: 'prod/DATABASE_URL',
        decision: false,
        actor: { type: 'service', id: 'tester' },
      },
    ]);
  });

  it.each(['newest', 'oldest'])('pages through everything of the tenant once, %s first', async (order) => {
    const seen: { index: number; occurredAt: string }[] = [];
    let cursor = '';
    do {
      const page = await list(`order=${order}&limit=97${cursor && `&cursor=${cursor}`}`);
      seen.push(...(page.entries as never as typeof seen));
      cursor = page.nextCursor ?? '';
    } while (cursor);
    // 400 decisions of the loop, two keys of the tenant, one more decision.
    expect(new Set(seen.map((entry) => entry.index)).size).toBe(403);
    expect(seen).toHaveLength(403);
    const times = seen.map((entry) => Date.parse(entry.occurredAt));
    expect(times).toEqual([...times].sort((a, b) => (order === 'newest' ? b - a : a - b)));
  });

  it.each([
    ['type=key.created', 2],
    ['decision=true', 80],
    ['action=deploy.preview&decision=false', 160],
    ['actor=user-3', 57],
    ['actor=user-3&action=secret.read', 29],
    ['caller=tester&type=decision.recorded', 401],
    ['resource=prod/DATABASE_URL', 401],
    ['from=2026-11-01T00:00:00Z&to=2026-11-01T00:01:00Z', 40],
    ['from=2026-11-01T01:00:00%2B01:00&to=2026-11-01T01:01:00%2B01:00', 40],
  ])('finds by %s', async (query, count) => {
    const { entries, nextCursor } = await list(`${query}&limit=500`);
    expect(entries).toHaveLength(count);
    expect(nextCursor).toBeNull();
  });

  it.each([
    'decision=maybe',
    'limit=501',
    'limit=0',
    'cursor=abc',
    'from=yesterday',
    'from=2026-11-01T00:00:00',
    'actr=x',
  ])('refuses %s', async (query) => {
    const response = await stack.get(`/api/v1/audit/entries?${query}`, key);
    expect(response.status).toBe(400);
  });

  it('reads one with the whole event', async () => {
    const { entries } = await list('actor=developer-07');
    const index = entries[0]?.index ?? -1;
    const response = await stack.get(`/api/v1/audit/entries/${index}`, key);
    expect(await response.json()).toMatchObject({ index, envelope: { type: 'decision.recorded', tenantId: 'main' } });
  });
});

describe('proofs', () => {
  it('proves one entry to somebody who has only the file and the key', async () => {
    const vkey = (await text('key')).trim();
    const { entries } = await list('actor=developer-07');
    const index = entries[0]?.index ?? -1;
    const verdict = verifyProofFile(Buffer.from(await text(`entries/${index}/proof`)), vkey);
    expect(verdict).toMatchObject({ ok: true, origin: 'gatehouse.local/ledger', entries: [{ index }] });
    const proven = verdict.ok ? JSON.parse(Buffer.from(verdict.entries[0]?.entry ?? []).toString()) : undefined;
    expect(proven.id).toBe(entries[0]?.id);
  });

  it('proves many in one file: by index, and the last that match', async () => {
    const vkey = (await text('key')).trim();
    const { entries } = await list('limit=20&actor=user-1');
    const indexes = entries.map((entry) => entry.index);
    const byIndex = verifyProofFile(Buffer.from(await text(`proofs?indexes=${indexes.join(',')}`)), vkey);
    const byLast = verifyProofFile(Buffer.from(await text('proofs?last=20&actor=user-1')), vkey);
    const sorted = [...indexes].sort((a, b) => a - b);
    for (const verdict of [byIndex, byLast]) {
      expect(verdict.ok && verdict.entries.map((entry) => entry.index)).toEqual(sorted);
    }
  });

  it.each(['proofs', 'proofs?indexes=1&last=2', 'proofs?indexes=1&actor=a', 'proofs?last=501', 'proofs?indexes=a'])(
    'refuses %s',
    async (path) => expect((await stack.get(`/api/v1/audit/${path}`, key)).status).toBe(400),
  );

  it('answers 503 with Retry-After for an entry that no checkpoint covers yet', async () => {
    const blocker = await stack.admin.connect();
    try {
      await blocker.query('begin; lock table audit.checkpoints in share row exclusive mode');
      const before = await ledgerSize(stack, 1);
      await stack.policy.decide({ subject: 'late' });
      await ledgerSize(stack, before + 1);
      const { entries } = await list('actor=late');
      const response = await stack.get(`/api/v1/audit/entries/${entries[0]?.index}/proof`, key);
      expect(response.status).toBe(503);
      expect(response.headers.get('retry-after')).toBe('1');
      expect(await response.json()).toMatchObject({ code: 'not_yet_covered' });
    } finally {
      await blocker.query('rollback');
      blocker.release();
    }
  });
});

describe('the tree', () => {
  it('serves checkpoints that extend each other, with the time they were signed', async () => {
    const log = logIdentity((await text('key')).trim());
    const first = openCheckpointText(log, await text('checkpoint'));
    await stack.policy.decideMany(300);
    if ('problem' in first) throw new Error(first.problem);
    await coveredSize(stack, first.size + 300);
    const second = openCheckpointText(log, await text('checkpoint'));
    if ('problem' in second) throw new Error(second.problem);
    expect(second.signedAt.getTime()).toBeGreaterThan(first.signedAt.getTime());
    const [from, to] = [first.size, second.size];
    const response = await stack.get(`/api/v1/audit/consistency?from=${from}&to=${to}`, key);
    const { hashes } = (await response.json()) as { hashes: string[] };
    const proof = hashes.map((hash) => new Uint8Array(Buffer.from(hash, 'base64')));
    expect(verifyConsistency({ from, to, fromRoot: first.root, toRoot: second.root, proof })).toBe(true);
    for (const query of [`from=${to}&to=${from}`, `from=0&to=${to + 1_000_000}`]) {
      expect((await stack.get(`/api/v1/audit/consistency?${query}`, key)).status).toBe(400);
    }
  });

  it('serves hash tiles up to the checkpoint, and no entry bundles', async () => {
    const tile = (path: string) => stack.get(`/api/v1/audit/tile/${path}`, key);
    const full = await tile('0/001');
    expect(full.status).toBe(200);
    const bytes = Buffer.from(await full.arrayBuffer());
    const { rows } = await stack.admin.query('select leaf_hash from audit.entries where idx = 256');
    expect(bytes.length).toBe(8_192);
    expect(bytes.subarray(0, 32)).toEqual(rows[0].leaf_hash);
    const partial = await tile('1/000.p/2');
    expect(Buffer.from(await partial.arrayBuffer())).toHaveLength(64);
    for (const path of ['0/999', '1/000', '1/000.p/200', 'entries/000', '0/1', '64/000', '0/000.p/0']) {
      expect((await tile(path)).status).toBe(404);
    }
  });
});

describe('who may', () => {
  it('shows a tenant nothing of another, by any route', async () => {
    const { entries } = await list('limit=500', otherKey);
    expect(entries).toHaveLength(201);
    const mine = new Set((await list('limit=500')).entries.map((entry) => entry.index));
    expect(entries.some((entry) => mine.has(entry.index))).toBe(false);
    const foreign = entries[0]?.index;
    const event = (await list('limit=1', otherKey)).entries[0]?.id;
    expect((await list(`id=${event}`)).entries).toEqual([]);
    for (const path of [`entries/${foreign}`, `entries/${foreign}/proof`, `proofs?indexes=${foreign}`]) {
      expect((await stack.get(`/api/v1/audit/${path}`, key)).status).toBe(404);
    }
  });

  it('answers 401 without a key and 403 to a caller whom policy denies', async () => {
    for (const path of [
      'entries',
      'entries/1',
      'entries/1/proof',
      'proofs?last=1',
      'checkpoint',
      'key',
      'tile/0/000',
    ]) {
      expect((await stack.get(`/api/v1/audit/${path}`)).status).toBe(401);
      expect((await stack.get(`/api/v1/audit/${path}`, nobody)).status).toBe(403);
    }
  });

  it('lets neither role change or delete what is in the ledger, nor the request role see another tenant', async () => {
    const statements = ['entries', 'tiles', 'checkpoints'].flatMap((table) => [
      `update audit.${table} set ${table === 'entries' ? "type = 'x'" : 'root = root'}`,
      `delete from audit.${table}`,
      `truncate audit.${table}`,
    ]);
    for (const role of ['gatehouse_audit', 'gatehouse_audit_system']) {
      const client = await stack.admin.connect();
      try {
        for (const statement of [...statements, 'delete from audit.ledger_head']) {
          await client.query(`set role ${role}`);
          await expect(client.query(statement)).rejects.toThrow('permission denied');
        }
      } finally {
        await client.query('reset role');
        client.release();
      }
    }
    const client = await stack.admin.connect();
    await client.query(`set role gatehouse_audit; set gatehouse.tenant = 'other'`);
    const { rows } = await client.query('select distinct tenant_id from audit.entries');
    await client.query('reset role; reset gatehouse.tenant');
    const none = await client.query(`set role gatehouse_audit; select 1 from audit.entries`);
    await client.query('reset role');
    client.release();
    expect(rows).toEqual([{ tenant_id: 'other' }]);
    expect((none as unknown as { rowCount: number }[])[1]?.rowCount).toBe(0);
  });
});

describe('metrics', () => {
  it('tell size, age of the newest entry and of the checkpoint', async () => {
    const metrics = await (await stack.get('/metrics')).text();
    expect(metrics).toMatch(/^gatehouse_ledger_entries\S* [1-9]/m);
    for (const name of ['newest_entry_age_seconds', 'checkpoint_age_seconds', 'checkpoint_size', 'alarm']) {
      expect(metrics).toMatch(new RegExp(`^gatehouse_ledger_${name}`, 'm'));
    }
  });
});
