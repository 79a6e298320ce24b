import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Exclusive } from '@gatehouse/event-store';
import { type TempDir, tempDir, waitFor } from '@gatehouse/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { LedgerDamaged } from '../ledger/ledger-damaged.js';
import { append, createLedgerDatabase, type LedgerDatabase, makeEvents } from '../ledger/ledger-database.fixture.js';
import { Sequencer } from '../ledger/sequencer.js';
import { adoptLastCheckpoint } from './adopt-head.command.js';
import { insertCheckpoint, readCheckpoints, readLatestCheckpoint } from './checkpoint-rows.js';
import { CheckpointSigner, idleCheckpointMs } from './checkpoint-signer.js';
import { readHeadFile } from './head-file.js';
import { type LogKey, logKey } from './log-key.js';
import { checkpointText, openCheckpointText, signCheckpoint } from './signed-checkpoint.js';
import { SignedHistory } from './signed-history.js';

const newKey = (): LogKey => logKey('test.example/ledger', generateKeyPairSync('ed25519').privateKey);

let database: LedgerDatabase;
let files: TempDir;
let client: pg.Client;
let key: LogKey;
let history: SignedHistory;
let sequencer: Sequencer;
let now: number;

beforeAll(async () => {
  database = await createLedgerDatabase();
  client = new pg.Client({ connectionString: database.systemUrl });
  await client.connect();
});
afterAll(async () => {
  await client?.end();
  await database?.stop();
});
beforeEach(async () => {
  await database.empty();
  files = tempDir('checkpoint');
  key = newKey();
  history = new SignedHistory(join(files.path, 'head'), key);
  sequencer = new Sequencer(history);
  now = Date.parse('2026-11-22T10:00:00Z');
});
afterEach(() => files.remove());

const newSigner = (withKey = key, withHistory = history): CheckpointSigner =>
  new CheckpointSigner({
    key: withKey,
    history: withHistory,
    now: () => now,
    onDamage: () => undefined,
    onError: () => undefined,
  });
const sign = (signer = newSigner()): Promise<boolean> => signer.signIfDue(client);
const grow = (count: number): Promise<void> => append(database.system, sequencer, makeEvents(count));
const stored = () => readCheckpoints(database.system, 0, 1_000, 1_000);

describe('signing', () => {
  it('signs news at once, nothing when nothing is new, and an idle ledger after a minute', async () => {
    expect(await sign()).toBe(true);
    expect(await sign()).toBe(false);
    await grow(300);
    expect(await sign()).toBe(true);
    now += idleCheckpointMs - 1_000;
    expect(await sign()).toBe(false);
    now += 1_000;
    expect(await sign()).toBe(true);
    const checkpoints = await stored();
    expect(checkpoints.map(({ number, size }) => [number, size])).toEqual([
      [1, 0],
      [2, 300],
      [3, 300],
    ]);
    // Silence is provable: the same tree, and a signature over a later time.
    expect(checkpoints[2]?.note).toBe(checkpoints[1]?.note);
    expect(checkpoints[2]?.timeSignature).not.toBe(checkpoints[1]?.timeSignature);
    for (const row of checkpoints) {
      const opened = openCheckpointText(key, checkpointText(row));
      expect(opened).toMatchObject({ size: row.size, signedAt: row.signedAt });
    }
  });

  it('puts the last checkpoint into the file, byte for byte', async () => {
    await grow(10);
    await sign();
    const latest = await readLatestCheckpoint(database.system);
    expect(latest && checkpointText(latest)).toBe(readFileSync(history.headFile, 'utf8'));
    expect(existsSync(`${history.headFile}.new`)).toBe(false);
  });

  it('goes on after a crash between the file and the row', async () => {
    await grow(10);
    await sign();
    await grow(10);
    await sign();
    await database.admin.query('delete from audit.checkpoints where number = 2');
    // Nobody has been handed the checkpoint in the file: what it covers must not wait for more entries.
    expect(await sign()).toBe(true);
    expect(await sign()).toBe(false);
    await grow(10);
    expect(await sign()).toBe(true);
    expect((await stored()).map((row) => row.size)).toEqual([10, 20, 30]);
  });

  it('hands out no checkpoint that the file does not have', async () => {
    await grow(10);
    const unwritable = new SignedHistory(join(files.path, 'no-such-folder', 'head'), key);
    await expect(sign(newSigner(key, unwritable))).rejects.toThrow('ENOENT');
    expect(await stored()).toEqual([]);
  });
});

describe('what does not extend the last checkpoint', () => {
  beforeEach(async () => {
    await grow(300);
    await sign();
  });
  const refused = async (text: RegExp): Promise<void> => {
    const before = readFileSync(history.headFile, 'utf8');
    now += idleCheckpointMs;
    await expect(sign()).rejects.toThrow(LedgerDamaged);
    await expect(sign()).rejects.toThrow(text);
    expect(readFileSync(history.headFile, 'utf8')).toBe(before);
    // The sequencer of a new process appends nothing either.
    await expect(append(database.system, new Sequencer(history), makeEvents(1))).rejects.toThrow(LedgerDamaged);
  };

  it('is not signed: an older copy of the database', async () => {
    await database.empty();
    await refused(/0 entries, but a tree of 300 was signed/);
  });

  it('is not signed: another ledger of the same size or longer', async () => {
    await database.empty();
    await append(database.system, new Sequencer(new SignedHistory(join(files.path, 'other'), key)), makeEvents(400));
    await refused(/not those that were signed/);
  });

  it('is not signed: a changed tile, or leaf at the edge', async () => {
    await database.admin.query(`update audit.entries set leaf_hash = sha256('x') where idx = 290`);
    await refused(/not those that were signed/);
  });

  it('is not signed: a checkpoint by another key, in the file or in the database', async () => {
    const swapped = newSigner(newKey(), new SignedHistory(history.headFile, newKey()));
    await expect(sign(swapped)).rejects.toThrow(/is no checkpoint of this ledger and key/);
    await database.admin.query(`update audit.checkpoints set note = replace(note, 'test.example', 'evil.example')`);
    await refused(/the last checkpoint in the database is not by this ledger/);
  });

  it('is not signed: another tree of the same size by our own key, in the database alone', async () => {
    const split = signCheckpoint(key, { size: 300, root: Buffer.alloc(32, 7) }, now + 1_000);
    await insertCheckpoint(database.system, split);
    await refused(/not those that were signed/);
  });

  it.each(['', 'x', '\n'])('is not signed: a file with %j added', async (more) => {
    const text = readFileSync(history.headFile, 'utf8');
    writeFileSync(history.headFile, more === '' ? '' : text + more);
    await expect(sign()).rejects.toThrow(LedgerDamaged);
  });

  it('is not signed: a lost file, until somebody adopts what the database has', async () => {
    files.remove();
    files = tempDir('checkpoint');
    history = new SignedHistory(join(files.path, 'head'), key);
    await expect(sign()).rejects.toThrow(/is missing, but the ledger has signed checkpoints/);
    expect((await adoptLastCheckpoint(database.system, key, history.headFile)).size).toBe(300);
    await expect(adoptLastCheckpoint(database.system, key, history.headFile)).rejects.toThrow('nothing to adopt');
    await grow(1);
    expect(await sign()).toBe(true);
  });

  it('goes on when the tree is as it was signed again', async () => {
    const damaged: string[] = [];
    const signer = new CheckpointSigner({
      key,
      history,
      newsMs: 10,
      onDamage: (error) => damaged.push(error.message),
      onError: () => undefined,
    });
    await database.admin.query('update audit.ledger_head set size = 299');
    const turn = new Exclusive({ url: database.systemUrl, name: 'test:signer' }).start(signer.run);
    await waitFor(() => signer.damage !== '', { message: 'the alarm' });
    await database.admin.query('update audit.ledger_head set size = 300');
    await waitFor(() => signer.damage === '', { message: 'the end of the alarm' });
    await turn.stop();
    expect(damaged).toHaveLength(1);
  });
});

describe('two signers', () => {
  it('of which one has lost its turn: the number is taken, the file is the other one’s or consistent with it', async () => {
    await grow(20);
    const second = new pg.Client({ connectionString: database.systemUrl });
    await second.connect();
    const results = await Promise.allSettled([newSigner().signIfDue(client), newSigner().signIfDue(second)]);
    await second.end();
    expect(results.filter((result) => result.status === 'fulfilled').length).toBeGreaterThan(0);
    const checkpoints = await stored();
    expect(checkpoints.map((row) => row.number)).toEqual(checkpoints.map((_, i) => i + 1));
    const inFile = await readHeadFile(history.headFile, key);
    expect(inFile?.size).toBe(20);
    await grow(1);
    expect(await sign()).toBe(true);
  });
});
