/** What changes a Redis or Valkey server, each idempotent, and the looks by which it is seen done. */
import { setTimeout as sleep } from 'node:timers/promises';

import { OpsError } from '../../core/errors.ts';
import { duration, plural } from '../../core/format.ts';
import type { CacheChecks, CacheWriter, Flushed } from '../../core/ports/cache-changes.ts';
import { type Connections, isAnswered } from '../once.ts';
import type { Connection } from './connect.ts';
import { scanPage, select } from './keyspace.ts';
import { readServer } from './look.ts';
import { ping } from './parts/latency.ts';
import { setting } from './parts/setting.ts';
import { numberOf } from './reply.ts';

/** Keys a piece: some 0.3 ms of the server's one thread; others are served in between. */
const BATCH = 200;
/** After each piece the others get the server for as long as it took, and this many ms at least. */
const PAUSE_MS = 1;

type Changes = Pick<CacheWriter, 'setMemoryLimit' | 'keepSettings' | 'flush'>;

export function openChanges(connections: Connections<Connection>): Changes & CacheChecks {
  return {
    answers: (name) => isAnswered(() => connections.use(name, ping)),
    keepsKeys: (name) =>
      connections.use(name, async (connection) => {
        // At its end the server saves where it has points of time at which it would.
        const [points, appends] = [await setting(connection, 'save'), await setting(connection, 'appendonly')];
        return points === undefined || appends === undefined ? undefined : points !== '' || appends === 'yes';
      }),
    hasMemoryLimit: (name, bytes) =>
      connections.use(name, async (connection) => (await setting(connection, 'maxmemory')) === bytes.toString()),
    setMemoryLimit: (name, bytes) =>
      connections.act(name, async (connection) => {
        await connection.run(['CONFIG', 'SET', 'maxmemory', bytes.toString()], '+config|set');
      }),
    keepSettings: (name) =>
      connections.act(name, async (connection) => {
        await connection.run(['CONFIG', 'REWRITE'], '+config|rewrite');
      }),
    flush: (name, what, ms) => connections.act(name, (connection) => flush(connection, what, ms)),
  };
}

async function flush(connection: Connection, what: Flushed, ms: number): Promise<string> {
  if ('all' in what) {
    // By itself FLUSHALL frees the memory before it answers, and nobody else is served meanwhile.
    await connection.run(['FLUSHALL', 'ASYNC'], '+flushall');
    return 'all keys of all databases';
  }
  if (!('pattern' in what)) {
    await select(connection, what.database);
    await connection.run(['FLUSHDB', 'ASYNC'], '+flushdb');
    await select(connection, 0);
    return `all keys of database ${what.database.toString()}`;
  }
  const { server } = await readServer(connection);
  const databases =
    what.database === undefined ? (server.databases ?? [{ index: 0 }]).map(({ index }) => index) : [what.database];
  const end = performance.now() + ms;
  let removed = 0;
  try {
    for (const database of databases) {
      await select(connection, database);
      let cursor = '0';
      do {
        const began = performance.now();
        if (began > end) throw tooLong(connection, removed, ms);
        const { next, keys } = await scanPage(connection, cursor, BATCH, what.pattern);
        if (keys.length > 0) removed += await unlink(connection, keys);
        cursor = next;
        await sleep(Math.max(PAUSE_MS, performance.now() - began));
      } while (cursor !== '0');
    }
  } finally {
    // Other questions go over the same connection.
    if (connection.isOpen()) await select(connection, 0);
  }
  return plural(removed, 'key');
}

const tooLong = ({ asked }: Connection, removed: number, ms: number): OpsError =>
  new OpsError(
    'TIMED_OUT',
    `not all keys of ${asked.subject} were gone through within ${duration(ms)}; ${plural(removed, 'key was', 'keys were')} removed`,
    { hint: 'Run it again: it goes on with what is left.', details: { outcome: 'unknown' } },
  );

/** UNLINK frees the memory in the background, where DEL would do it at once. @returns how many there were */
async function unlink(connection: Connection, keys: readonly Buffer[]): Promise<number> {
  const [reply] = await connection.runAll([['UNLINK', ...keys]]);
  if (reply instanceof OpsError) throw reply;
  return numberOf(reply);
}
