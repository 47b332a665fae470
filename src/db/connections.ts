/** How many connections are taken, by whom: what runs out when a pool leaks. */
import * as z from 'zod';

import { connectionsInUse } from '../checks/database-facts.ts';
import { duration } from '../core/format.ts';
import type { ConnectionGroup } from '../core/ports/database.ts';
import { leading } from '../core/verdict.ts';
import type { Report } from './report.ts';

const rowSchema = z
  .object({
    database: z.string(),
    user: z.string(),
    application: z.string(),
    connections: z.number(),
    active: z.number(),
    idle: z.number(),
    idleInTransaction: z.number(),
    hidden: z.number().describe('of which the role that asks cannot see what they do'),
    longestIdlePid: z.number().nullable().describe('process id of the session that has been idle the longest'),
    longestIdleMs: z.number().nullable(),
  })
  .meta({ id: 'DatabaseConnections' });
export type ConnectionsRow = z.infer<typeof rowSchema>;

export const connections: Report<'connections', ConnectionsRow> = {
  name: 'connections',
  parts: ['connections'],
  row: rowSchema,
  judge: ({ connections: { groups, count } }, { server, limits }) => {
    const { connectionLimit } = server;
    const judged = connectionsInUse(count, connectionLimit, limits);
    const [most] = groups;
    const idle = groups.reduce((sum, one) => sum + one.idle, 0);
    const isWell = judged.status === 'ok' || most === undefined;
    const found = leading(isWell ? judged : { ...judged, reason: `${judged.reason}; ${whose(most)}` }, [
      idle > count / 2 ? 'opsctl db activity --idle' : 'opsctl db activity',
    ]);
    return { findings: [{ about: '', ...found }], rows: groups.map(rowOf) };
  },
  columns: [
    { title: 'DATABASE', flexible: true },
    { title: 'USER', flexible: true },
    { title: 'APPLICATION', flexible: true },
    { title: 'ALL', align: 'right' },
    { title: 'ACTIVE', align: 'right' },
    { title: 'IDLE', align: 'right' },
    { title: 'IDLE IN TX', align: 'right' },
    { title: 'LONGEST IDLE', align: 'right' },
  ],
  cells: (row) => [
    row.database,
    row.user,
    row.application || '-',
    ...[row.connections, row.active, row.idle, row.idleInTransaction].map(String),
    row.longestIdleMs === null ? '-' : duration(row.longestIdleMs),
  ],
};

/** What takes the most of them, and the one of these that has been idle the longest. */
function whose({ application, user, connections, idle, longestIdle }: ConnectionGroup): string {
  const idles =
    longestIdle === undefined
      ? ''
      : `, ${idle === connections ? 'all' : idle.toString()} of them idle, ${longestIdle.pid.toString()} the longest, for ${duration(longestIdle.ms)}`;
  return `most are of ${application || user}${idles}`;
}

const rowOf = ({ longestIdle, ...group }: ConnectionGroup): ConnectionsRow => ({
  ...group,
  longestIdlePid: longestIdle?.pid ?? null,
  longestIdleMs: longestIdle?.ms ?? null,
});
