/** Whether a server can start and serve with another max_connections, and what that costs. */
import { OpsError } from '../core/errors.ts';
import { bytes, plural } from '../core/format.ts';
import type { ConnectionLimit } from '../core/ports/database-changes.ts';

/**
 * Memory of one connection that is open and idle, in bytes. Measured on 13 to 18 (x86-64): 2.0 to 2.3 MB that a session has
 * to itself once it has looked at the catalogs, and 50 kB of shared memory for each slot, used or not.
 */
const CONNECTION_BYTES = 2_300_000;

/** @throws UNSAFE where the server would not start with it or could not serve who is there now */
export function mustBePossible(wanted: number, limit: ConnectionLimit, database: string): void {
  const { used, reserved, source, running, inRecovery } = limit;
  const refuse = (message: string, hint: string): never => {
    throw new OpsError('UNSAFE', message, { hint });
  };
  if (source === 'command line')
    refuse(
      `database ${database} is started with max_connections on its command line, which outdoes every file`,
      'Change it there, in the compose file, then run: docker-compose up -d',
    );
  if (inRecovery && wanted < running)
    refuse(
      `database ${database} is a standby: with fewer connections than its primary has it does not start, and from here that cannot be seen`,
      `Lower it on the primary first, and restart that. Then here, in psql: ALTER SYSTEM SET max_connections = ${wanted.toString()}, and: opsctl db restart`,
    );
  if (wanted <= reserved)
    refuse(
      `${reserved.toString()} slots are kept for superusers and the like: with ${wanted.toString()} in all the server would not start`,
      'Take more, or lower superuser_reserved_connections and reserved_connections first.',
    );
  if (wanted - reserved < used)
    refuse(
      `${used.toString()} connections are open and ${reserved.toString()} slots are kept for superusers: ${wanted.toString()} would be too few`,
      'See who holds them: opsctl db connections',
    );
}

/** What it means at this moment. `memory` is what its container may use, in bytes, where there is a limit. */
export function meaningOf(wanted: number, limit: ConnectionLimit, memory: number | undefined): string[] {
  const { used, reserved, standbys, running, sharedBuffers, workMemory, file } = limit;
  const idle = wanted * CONNECTION_BYTES;
  const room =
    memory === undefined
      ? ''
      : `; its container may use ${bytes(memory)}${idle + sharedBuffers > memory ? ', which is less: with that many open the kernel ends it' : ''}`;
  return [
    `${plural(used, 'connection')} of clients ${used === 1 ? 'is' : 'are'} open; ${reserved.toString()} slots are kept for superusers`,
    `${plural(wanted, 'connection')} take about ${bytes(idle)} when all are open and idle, beside ${bytes(sharedBuffers)} of shared buffers, and each sort or hash of a busy one up to ${bytes(workMemory)} more${room}`,
    ...(standbys > 0 && wanted > running ? ['standbys follow this server: raise it there first, or they stop'] : []),
    ...(standbys > 0 && wanted < running
      ? ['standbys follow this server: lower it there only once this one has started with it']
      : []),
    `were the server not to start with it: take the line of max_connections out of ${file}, and start it again`,
  ];
}
