import { asOpsError } from '../../../core/errors.ts';
import type { CacheClient, CacheClients } from '../../../core/ports/cache.ts';
import { count, type Info } from '../info.ts';
import { numberOf, textOf } from '../reply.ts';
import type { Part, Seat } from './part.ts';

/** Some 400 bytes a client: room for 40,000. */
const LARGEST = 16 * 1024 * 1024;

export const clients: Part<CacheClients> = async (seat) => {
  const text = textOf(await seat.connection.run(['CLIENT', 'LIST'], '+client|list', LARGEST));
  const info = await known(seat);
  return {
    clients: text.split('\n').filter(Boolean).map(read),
    limit: info && count(info, 'maxclients'),
    rejected: info && count(info, 'rejected_connections'),
  };
};

/** Who may list clients, but not ask for INFO, learns everything but the limit. */
async function known({ info }: Seat): Promise<Info | undefined> {
  try {
    return await info();
  } catch (thrown) {
    const error = asOpsError(thrown);
    if (error.details?.['reply'] === undefined) throw error;
    return undefined;
  }
}

/** `id=4 addr=127.0.0.1:54114 … cmd=client|list user=default`. A name cannot hold a space. */
function read(line: string): CacheClient {
  const fields = new Map(
    line.split(' ').map((word) => {
      const at = word.indexOf('=');
      return [word.slice(0, at), word.slice(at + 1).trimEnd()] as const;
    }),
  );
  const field = (name: string): string => fields.get(name) ?? '';
  return {
    id: field('id'),
    address: field('addr'),
    name: (field('name') || field('lib-name')).slice(0, 80),
    user: field('user').slice(0, 80),
    ageMs: numberOf(field('age')) * 1000,
    idleMs: numberOf(field('idle')) * 1000,
    flags: field('flags'),
    command: field('cmd').slice(0, 60),
    subscriptions: ['sub', 'psub', 'ssub'].reduce((sum, name) => sum + numberOf(field(name)), 0),
    outputBytes: numberOf(field('omem')),
    memory: numberOf(field('tot-mem')),
  };
}
