/** Removing keys: all of a database, all there are, or those that match a pattern, without standing in the way of others. */
import { setTimeout as sleep } from 'node:timers/promises';

import { OpsError } from '../../core/errors.ts';
import { duration, plural } from '../../core/format.ts';
import type { Flushed } from '../../core/ports/cache-changes.ts';
import { redisCli } from '../../core/redis-cli.ts';
import type { Connection } from './connect.ts';
import { inDatabase, scanPage } from './keyspace.ts';
import { readServer } from './look.ts';
import { numberOf } from './reply.ts';

/** Keys a piece: some 0.3 ms of the server's one thread; others are served in between. */
const BATCH = 200;
/** After each piece the others get the server for as long as it took, and this many ms at least. */
const PAUSE_MS = 1;

/** As the port says. A signal that is aborted ends it after the piece on its way. */
export async function flush(
  connection: Connection,
  { pattern, database }: Flushed,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<string> {
  if (pattern !== undefined) return await flushMatching(connection, { pattern, database }, ms, signal);
  // By itself either frees the memory before it answers, and nobody else is served meanwhile.
  if (database === 'all') await connection.run(['FLUSHALL', 'ASYNC'], '+flushall');
  else await inDatabase(connection, database, () => connection.run(['FLUSHDB', 'ASYNC'], '+flushdb'));
  return database === 'all' ? 'all keys of all databases' : `all keys of database ${database.toString()}`;
}

async function flushMatching(
  connection: Connection,
  { pattern, database }: Required<Flushed>,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<string> {
  let removed = 0;
  await eachPage(connection, { pattern, databases: await databasesOf(connection, database) }, ms, {
    page: async (keys) => {
      if (keys.length > 0) removed += await unlink(connection, keys);
      if (signal?.aborted === true) throw broken(connection, removed, 'INTERRUPTED', 'the removal was interrupted');
    },
    late: () => broken(connection, removed, 'TIMED_OUT', `not all keys were gone through within ${duration(ms)}`),
  });
  return plural(removed, 'key');
}

interface Pages {
  page(keys: readonly Buffer[]): Promise<void>;
  /** Thrown when the time is up. */
  late(): OpsError;
}

/** Goes through what matches a pattern, in pieces with pauses. */
async function eachPage(
  connection: Connection,
  { pattern, databases }: { pattern: string; databases: readonly number[] },
  ms: number,
  { page, late }: Pages,
): Promise<void> {
  const end = performance.now() + ms;
  for (const database of databases)
    await inDatabase(connection, database, async () => {
      let cursor = '0';
      do {
        const began = performance.now();
        if (began > end) throw late();
        const { next, keys } = await scanPage(connection, cursor, BATCH, pattern);
        await page(keys);
        cursor = next;
        await sleep(Math.max(PAUSE_MS, performance.now() - began));
      } while (cursor !== '0');
    });
}

/** Of those that are meant, the ones with keys. @throws REJECTED where this user may not know */
async function databasesOf(connection: Connection, database: Flushed['database']): Promise<number[]> {
  if (database !== 'all') return [database];
  const { databases } = (await readServer(connection)).server;
  if (databases !== undefined) return databases.map(({ index }) => index);
  const { subject, user = 'default' } = connection.asked;
  throw new OpsError('REJECTED', `${subject} does not tell user ${user} which databases have keys`, {
    hint: `Grant it: ${redisCli('ACL', 'SETUSER', user, '+info')}. Or name one: --db 0`,
  });
}

/** How long a pattern is looked for to see whether anything still matches it, in ms. */
const LOOK_MS = 10_000;

/** Whether nothing of it is there. @throws UNSAFE where keys are left that match a pattern, TIMED_OUT where that was not seen */
export async function isFlushed(connection: Connection, what: Flushed): Promise<boolean> {
  const { pattern, database } = what;
  if (pattern === undefined && database !== 'all')
    return await inDatabase(connection, database, async () => (await connection.run(['DBSIZE'], '+dbsize')) === 0);
  const databases = await databasesOf(connection, database);
  if (pattern === undefined) return databases.length === 0;
  await eachPage(connection, { pattern, databases }, LOOK_MS, {
    page: async (keys) => {
      if (keys.length > 0) throw new OpsError('UNSAFE', `keys like ${pattern} are still there: the removal broke off`);
    },
    late: () =>
      new OpsError('TIMED_OUT', `it was not seen within ${duration(LOOK_MS)} whether keys like ${pattern} are left`),
  });
  return true;
}

/** It ended before its end, and how far it came is known. */
const broken = ({ asked }: Connection, removed: number, code: 'INTERRUPTED' | 'TIMED_OUT', what: string): OpsError =>
  new OpsError(
    code,
    `${what}: ${plural(removed, 'key')} of ${asked.subject} ${removed === 1 ? 'is' : 'are'} gone, and others that match may be left`,
    { hint: 'To do it again goes on with what is left.', details: { outcome: 'part', removed } },
  );

/** UNLINK frees the memory in the background, where DEL would do it at once. @returns how many there were */
async function unlink(connection: Connection, keys: readonly Buffer[]): Promise<number> {
  const [reply] = await connection.runAll([['UNLINK', ...keys]]);
  if (reply instanceof OpsError) throw reply;
  return numberOf(reply);
}
