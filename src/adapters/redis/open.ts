import type { CacheWriter } from '../../core/ports/cache-changes.ts';
import type { CacheVitals } from '../../core/ports/data.ts';
import type { DataSources } from '../data-server.ts';
import { openOnce } from '../once.ts';
import { openChanges } from './changes.ts';
import { connect, type Connection } from './connect.ts';
import { parseInfo, productOf, vitalsOf } from './info.ts';
import { notInfo, readLook, readServer } from './look.ts';
import { exist } from './keyspace.ts';
import { ping } from './parts/latency.ts';
import { settingsOf } from './settings.ts';

/**
 * The configured Redis and Valkey servers: one connection a server, opened at the first question and
 * kept until `close`. A connection that broke meanwhile is opened anew, the way to the server found anew.
 * No value of a key is ever read, and before keys are looked at CLIENT NO-TOUCH is sent (Redis 7.2, Valkey).
 */
export function openCache(sources: DataSources): CacheWriter & { close(): Promise<void> } {
  const connections = openOnce<Connection>(async (name) =>
    connect(await settingsOf(sources, name), sources.platform.caches[name]?.service),
  );
  return {
    route: (name) => connections.use(name, async (connection) => connection.route),
    ping: (name) => connections.use(name, ping),
    vitals: (name) => connections.use(name, vitals),
    exist: (name, keys) => connections.use(name, (connection) => exist(connection, keys)),
    server: (name) => connections.use(name, async (connection) => (await readServer(connection)).server),
    look: (name, parts, scan, signal) =>
      connections.use(name, (connection) => readLook(connection, parts, scan, signal)),
    ...openChanges(connections),
    close: () => connections.close(),
  };
}

/** The latency is INFO's round trip. While the server loads its data, INFO answers and says so. */
async function vitals(connection: Connection): Promise<CacheVitals> {
  const started = performance.now();
  const text = await connection.run(['INFO'], '+info');
  const latencyMs = performance.now() - started;
  const info = parseInfo(typeof text === 'string' ? text : '');
  const product = productOf(info);
  if (product === undefined) throw notInfo(connection);
  return vitalsOf(info, product, latencyMs);
}
