/** Postgres: one pool for the work and a small one for health, which must not queue behind it. */
import { readFileSync } from 'node:fs';
import { Pool, type QueryResultRow } from 'pg';
import { log } from '../service/log.ts';

const connection = {
  host: process.env['POSTGRES_HOST'] ?? 'postgres',
  database: process.env['POSTGRES_DB'] ?? 'ecommerce',
  user: process.env['POSTGRES_USER'] ?? 'app',
  // Asked for on each connect: a password that was changed is then known without a restart.
  password: () => readFileSync(process.env['POSTGRES_PASSWORD_FILE'] ?? '', 'utf8').trim(),
  keepAlive: true,
};

const pool = new Pool({
  ...connection,
  application_name: 'ecommerce-api',
  max: 10,
  connectionTimeoutMillis: 10_000,
  query_timeout: 10_000,
  statement_timeout: 10_000,
});

const healthPool = new Pool({
  ...connection,
  application_name: 'ecommerce-api/health',
  max: 1,
  connectionTimeoutMillis: 1_200,
  query_timeout: 1_200,
});

for (const each of [pool, healthPool]) {
  // An idle connection that breaks emits an error that would otherwise end the process.
  each.on('error', (error) => log('warn', 'database connection lost', { reason: error.message }));
}

export async function query<Row extends QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
  return (await pool.query<Row>(text, [...values])).rows;
}

export async function pingDatabase(): Promise<void> {
  await healthPool.query('select 1');
}

export async function closeDatabase(): Promise<void> {
  await Promise.all([pool.end(), healthPool.end()]);
}
