/** What changes a Redis or Valkey server, each idempotent, and the looks by which it is seen done. */
import type { CacheChecks, CacheWriter, Flushed } from '../../core/ports/cache-changes.ts';
import { type Connections, isAnswered } from '../once.ts';
import type { Connection } from './connect.ts';
import { flush, isFlushed } from './flush.ts';
import { ping } from './parts/latency.ts';
import { setting } from './parts/setting.ts';

type Changes = Pick<CacheWriter, 'setMemoryLimit' | 'keepSettings' | 'flush'>;

export function openChanges(connections: Connections<Connection>): Changes & CacheChecks {
  /** What was removed in this run, with all answers had. */
  const flushed = new Set<string>();
  const nameOf = (name: string, what: Flushed): string => JSON.stringify([name, what.pattern, what.database]);
  return {
    answers: (name) => isAnswered(() => connections.use(name, ping)),
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
    isFlushed: async (name, what) =>
      flushed.has(nameOf(name, what)) || (await connections.use(name, (connection) => isFlushed(connection, what))),
    flush: async (name, what, ms, signal) => {
      const removed = await connections.act(name, (connection) => flush(connection, what, ms, signal));
      flushed.add(nameOf(name, what));
      return removed;
    },
  };
}
