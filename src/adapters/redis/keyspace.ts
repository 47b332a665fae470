/** Going through the keys of a server: which database, and a piece of its keys. */
import { asOpsError, OpsError } from '../../core/errors.ts';
import { bytes } from '../../core/format.ts';
import { redisCli } from '../../core/redis-cli.ts';
import type { Connection } from './connect.ts';
import { numberOf, textOf } from './reply.ts';
import type { Words } from './resp.ts';

/**
 * Asks of one database; afterwards the connection is in its own again, for other questions use it, too. Of its own it asks
 * without SELECT, which not every user may run and not every proxy knows.
 */
export async function inDatabase<T>(connection: Connection, database: number, ask: () => Promise<T>): Promise<T> {
  if (!Number.isSafeInteger(database) || database < 0) throw new OpsError('BUG', `${database} is no database`);
  if (database === connection.database) return await ask();
  await select(connection, database);
  try {
    return await ask();
  } finally {
    if (connection.isOpen()) await select(connection, connection.database);
  }
}

async function select(connection: Connection, database: number): Promise<void> {
  await connection.run(['SELECT', database.toString()], '+select');
}

/** A piece of some `count` keys; `next` is `0` after the last. @throws BAD_ANSWER */
export async function scanPage(
  connection: Connection,
  cursor: string,
  count: number,
  match?: string,
): Promise<{ next: string; keys: Buffer[] }> {
  const filter = match === undefined ? [] : ['MATCH', match];
  const [reply] = await connection
    .runAll([['SCAN', cursor, ...filter, 'COUNT', count.toString()]])
    .catch((thrown: unknown) => {
      throw tooLong(connection, asOpsError(thrown));
    });
  if (reply instanceof OpsError) throw reply;
  const [next, keys] = (Array.isArray(reply) ? reply : []) as unknown[];
  if (!Array.isArray(keys))
    throw new OpsError('BAD_ANSWER', `${connection.asked.subject} answers SCAN with something else`);
  return { next: textOf(next), keys: keys.filter((key) => Buffer.isBuffer(key)) };
}

/** A name may be as long as a value, 512 MB: of keys that are called so nobody can go on to the next ones. */
function tooLong({ asked }: Connection, error: OpsError): OpsError {
  const { largest } = error.details ?? {};
  if (typeof largest !== 'number') return error;
  return new OpsError(
    'BAD_ANSWER',
    `${asked.subject} has keys whose names alone are longer than ${bytes(largest)}, where no scan gets past. Find them, and have them removed: ${redisCli('--scan')} | awk 'length > 100000 { print length, substr($0, 1, 80) }'`,
    {
      hint: 'Whoever writes such keys took a value for a name. Without them, run it again.',
      // Of what goes on from page to page.
      details: { outcome: 'part' },
      cause: error,
    },
  );
}

/** Keys of one go. */
const TOGETHER = 200;

/** Whether keys of the connection's database are there. */
export async function exist(connection: Connection, keys: readonly string[]): Promise<boolean[]> {
  const found: boolean[] = [];
  for (let start = 0; start < keys.length; start += TOGETHER) {
    const piece = keys.slice(start, start + TOGETHER);
    for (const reply of await connection.runAll(piece.map((key): Words => ['EXISTS', key]))) {
      if (reply instanceof OpsError) throw reply;
      found.push(numberOf(reply) === 1);
    }
  }
  return found;
}
