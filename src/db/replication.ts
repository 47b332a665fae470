/** Who follows this server and how far behind, what is kept for whom, and how far a replica is itself. */
import * as z from 'zod';

import { replication as judgeReplication } from '../checks/replication.ts';
import { bytes, duration } from '../core/format.ts';
import type { Replication } from '../core/ports/database.ts';
import type { Report } from './report.ts';

const rowSchema = z
  .object({
    kind: z.enum(['standby', 'slot', 'upstream']),
    name: z.string(),
    state: z.string().nullable().describe('null where it is hidden from the role that asks'),
    mode: z.string().nullable().describe('sync state of a standby; physical or logical for a slot'),
    lagBytes: z.number().nullable().describe('not replayed yet; of a slot, the log that is kept for it'),
    lagMs: z.number().nullable(),
    safeBytes: z.number().nullable().describe('log that can be written before the slot is lost; null without a limit'),
  })
  .meta({ id: 'DatabaseReplication' });
export type ReplicationRow = z.infer<typeof rowSchema>;

export const replication: Report<'replication', ReplicationRow> = {
  name: 'replication',
  parts: ['replication'],
  row: rowSchema,
  judge: ({ replication: found }, { server: { at, role }, limits }) => ({
    findings: judgeReplication(found, { at, role, limits }),
    rows: rowsOf(found),
  }),
  columns: [
    { title: 'KIND' },
    { title: 'NAME', flexible: true },
    { title: 'STATE' },
    { title: 'MODE' },
    { title: 'BEHIND OR KEPT', align: 'right' },
    { title: 'LAG', align: 'right' },
  ],
  cells: (row) => [
    row.kind,
    row.name,
    row.state ?? 'hidden',
    row.mode ?? '-',
    row.lagBytes === null ? '-' : bytes(row.lagBytes),
    row.lagMs === null ? '-' : duration(row.lagMs),
  ],
};

const rowsOf = ({ standbys, slots, upstream }: Replication): ReplicationRow[] => [
  ...(upstream === undefined
    ? []
    : [
        {
          kind: 'upstream' as const,
          name: upstream.host ?? '',
          state: upstream.isPaused ? 'paused' : upstream.isConnected ? 'receiving' : 'not receiving',
          mode: null,
          lagBytes: upstream.lagBytes ?? null,
          lagMs: upstream.lagMs ?? null,
          safeBytes: null,
        },
      ]),
  ...standbys.map((one) => ({
    kind: 'standby' as const,
    name: one.name,
    state: one.state ?? null,
    mode: one.mode ?? null,
    lagBytes: one.lagBytes ?? null,
    lagMs: one.lagMs ?? null,
    safeBytes: null,
  })),
  ...slots.map((one) => ({
    kind: 'slot' as const,
    name: one.name,
    state: one.isLost ? 'lost' : one.isActive ? 'active' : 'inactive',
    mode: one.kind,
    lagBytes: one.retainedBytes ?? null,
    lagMs: null,
    safeBytes: one.safeBytes ?? null,
  })),
];
