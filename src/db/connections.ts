/** How many connections are taken, by whom: what runs out when a pool leaks. */
import * as z from 'zod';

import { connectionsInUse } from '../checks/database-facts.ts';
import type { Session } from '../core/ports/database.ts';
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
  })
  .meta({ id: 'DatabaseConnections' });
export type ConnectionsRow = z.infer<typeof rowSchema>;

export const connections: Report<'sessions', ConnectionsRow> = {
  name: 'connections',
  parts: ['sessions'],
  row: rowSchema,
  judge: ({ sessions }, { server, limits }) => {
    const { connectionLimit } = server;
    const judged = connectionsInUse(sessions.length, connectionLimit, limits);
    const rows = grouped(sessions);
    const [most] = rows;
    const whose = judged.status === 'ok' || most === undefined ? '' : `; most are of ${most.application || most.user}`;
    const found = leading({ ...judged, reason: `${judged.reason}${whose}` }, ['opsctl db activity']);
    return { findings: [{ about: '', ...found }], rows };
  },
  columns: [
    { title: 'DATABASE', flexible: true },
    { title: 'USER', flexible: true },
    { title: 'APPLICATION', flexible: true },
    { title: 'ALL', align: 'right' },
    { title: 'ACTIVE', align: 'right' },
    { title: 'IDLE', align: 'right' },
    { title: 'IDLE IN TX', align: 'right' },
  ],
  cells: (row) => [
    row.database,
    row.user,
    row.application || '-',
    ...[row.connections, row.active, row.idle, row.idleInTransaction].map(String),
  ],
};

/** Who has how many, the most first. */
function grouped(sessions: readonly Session[]): ConnectionsRow[] {
  const groups = new Map<string, Session[]>();
  for (const one of sessions) {
    const key = JSON.stringify([one.database, one.user, one.application]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()]
    .map((group) => {
      const count = (is: (state: string | undefined) => boolean): number =>
        group.filter(({ state }) => is(state)).length;
      const { database = '', user = '', application = '' } = group[0] ?? {};
      return {
        database,
        user,
        application,
        connections: group.length,
        active: count((state) => state === 'active'),
        idle: count((state) => state === 'idle'),
        idleInTransaction: count((state) => state?.startsWith('idle in transaction') === true),
        hidden: count((state) => state === undefined),
      };
    })
    .toSorted((a, b) => b.connections - a.connections);
}
