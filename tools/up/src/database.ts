import { readFileSync } from 'node:fs';
import { type PostgresServer, startPostgres } from '@gatehouse/local-servers';
import pg from 'pg';
import type { DataFolder } from './data-folder.js';
import { databaseName } from './environment.js';

/** Modest, for a machine that does other things too. fsync and synchronous_commit stay on: a decision answered is on disk. */
const settings = {
  shared_buffers: '256MB',
  max_connections: '200',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  wal_compression: 'on',
  max_wal_size: '2GB',
  // A log file that is not there to be written over is filled with zeros first: 50 ms in which no commit goes on.
  min_wal_size: '512MB',
  checkpoint_timeout: '15min',
  checkpoint_completion_target: '0.9',
  effective_io_concurrency: '16',
  idle_in_transaction_session_timeout: '60s',
  log_checkpoints: 'off',
  // A DETAIL line quotes the row ("Key (email)=(...) already exists"), a STATEMENT line whatever was in the text.
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
  jit: 'off',
};

export async function startDatabase(folder: DataFolder, port: number, onProgress: (message: string) => void) {
  const server = await startPostgres({
    dataDir: folder.postgres,
    port,
    durable: true,
    superuserPasswordFile: folder.superuserPassword,
    logFile: folder.log('postgres'),
    settings,
    onProgress,
  });
  try {
    await createDatabase(server, readFileSync(folder.superuserPassword, 'utf8').trim());
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** CREATE DATABASE knows no IF NOT EXISTS. */
async function createDatabase(server: PostgresServer, password: string): Promise<void> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: server.port,
    user: server.superuser,
    database: 'postgres',
    password,
  });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [databaseName]);
    if (rowCount === 0) await client.query(`create database ${pg.escapeIdentifier(databaseName)}`);
  } finally {
    await client.end();
  }
}
