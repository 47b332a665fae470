/** Some parts of a cache over one connection: what a `cache` command asks, and the report all at once. */
import { asOpsError, OpsError } from '../../core/errors.ts';
import type { CacheLook, CachePart, CacheParts, CacheServer, ScanRequest } from '../../core/ports/cache.ts';
import type { Had } from '../../core/ports/had.ts';
import type { Connection } from './connect.ts';
import { databasesOf, type Info, count, parseInfo, productOf } from './info.ts';
import { clients } from './parts/clients.ts';
import { memory, persistence, traffic } from './parts/from-info.ts';
import { latency } from './parts/latency.ts';
import type { Part, Seat } from './parts/part.ts';
import { slowlog } from './parts/slowlog.ts';
import { textOf } from './reply.ts';
import { scan } from './scan/scan.ts';

const PARTS: { [P in Exclude<CachePart, 'scan'>]: Part<CacheParts[P]> } = {
  memory,
  traffic,
  persistence,
  slowlog,
  latency,
  clients,
};

export async function readLook<P extends CachePart>(
  connection: Connection,
  parts: readonly P[],
  request: ScanRequest | undefined,
  signal: AbortSignal | undefined,
): Promise<CacheLook<P>> {
  const at = new Date().toISOString();
  const { server, info } = await readServer(connection);
  const seat: Seat = { connection, server, info };
  const found: Partial<CacheLook['parts']> = {};
  for (const name of parts) {
    const read: Part<unknown> = name === 'scan' ? () => scan(seat, requestOf(request), signal) : PARTS[name as never];
    found[name] = (await had(seat, name, read)) as never;
  }
  return { server, at, parts: found as CacheLook<P>['parts'] };
}

function requestOf(request: ScanRequest | undefined): ScanRequest {
  if (request === undefined) throw new OpsError('BUG', 'keys are looked at without a budget');
  return request;
}

/**
 * Parts of which hosted servers and proxies switch the command off (SLOWLOG, LATENCY, CLIENT), for which the protocol has no
 * code of its own: an error in answer to any other is one.
 */
const OPTIONAL: ReadonlySet<CachePart> = new Set(['slowlog', 'latency', 'clients']);

/** What this user may not, or this server does not know, is left out; what is not answered is not observed. */
async function had<T>(seat: Seat, name: CachePart, read: Part<T>): Promise<Had<T>> {
  try {
    return { is: 'seen', value: await read(seat) };
  } catch (thrown) {
    const error = asOpsError(thrown);
    if (error.code === 'BUG') throw thrown;
    const reply = error.details?.['reply'];
    if (reply === 'NOPERM') return { is: 'skipped', reason: error.message, fix: [grantIn(error)] };
    if (reply === 'ERR' && OPTIONAL.has(name)) return { is: 'skipped', reason: error.message, fix: [] };
    return { is: 'unknown', reason: error.message };
  }
}

/** The command in the hint of a permission that is missing: `Grant it: redis-cli ACL SETUSER … .` */
const grantIn = ({ hint = '' }: OpsError): string => hint.replace(/^Grant it: /, '').replace(/\.$/, '');

/** What answers: by INFO, and where that is forbidden by HELLO. INFO is kept for the parts. */
export async function readServer(connection: Connection): Promise<{ server: CacheServer; info: () => Promise<Info> }> {
  const { database } = connection;
  const user = connection.asked.user ?? 'default';
  try {
    const info = parseInfo(textOf(await connection.run(['INFO'], '+info')));
    const product = productOf(info);
    if (product === undefined) throw notInfo(connection);
    const uptime = count(info, 'uptime_in_seconds');
    const server: CacheServer = {
      ...product,
      role: info.get('role') ?? '',
      isClustered: info.get('cluster_enabled') === '1',
      replicas: count(info, 'connected_slaves'),
      user,
      database,
      policy: info.get('maxmemory_policy'),
      uptimeMs: uptime === undefined ? undefined : uptime * 1000,
      databases: databasesOf(info),
    };
    return { server, info: async () => info };
  } catch (thrown) {
    const error = asOpsError(thrown);
    if (error.details?.['reply'] !== 'NOPERM' && error.details?.['reply'] !== 'ERR') throw error;
    return { server: { ...(await greeted(connection)), user, database }, info: () => Promise.reject(error) };
  }
}

/** `["server", "redis", "version", "7.0.15", …]` */
async function greeted(connection: Connection): Promise<Pick<CacheServer, 'product' | 'version' | 'role'>> {
  const [reply] = await connection.runAll([['HELLO']]);
  const words = Array.isArray(reply) ? reply.map(textOf) : [];
  const field = (name: string): string => words[words.indexOf(name) + 1] ?? '';
  return words.includes('version')
    ? { product: field('server') === 'valkey' ? 'valkey' : 'redis', version: field('version'), role: field('role') }
    : { product: 'redis', version: '', role: '' };
}

export const notInfo = ({ asked }: Connection): OpsError =>
  new OpsError('BAD_ANSWER', `${asked.subject} answers INFO with something else`, {
    hint: 'Look whether the port is that of Redis or Valkey, then run: opsctl config check.',
  });
