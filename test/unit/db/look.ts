/** What a look found, for tests of reports. */
import type { DatabaseUse, Fill, Sequence, Table } from '../../../src/core/ports/database-storage.ts';
import type {
  DatabaseLook,
  DatabaseParts,
  DatabaseServer,
  PartName,
  Session,
} from '../../../src/core/ports/database.ts';
import type { Finding } from '../../../src/core/report.ts';
import { conclude, type Report } from '../../../src/db/report.ts';
import { shop } from '../inspect/platform.ts';

export const limits = shop().thresholds;

export function lookOf<P extends PartName>(
  parts: { [K in P]: DatabaseParts[K] },
  server: Partial<DatabaseServer> = {},
): DatabaseLook<P> {
  return {
    server: {
      version: '17.5',
      major: 17,
      inRecovery: false,
      startedAt: '2026-03-01T00:00:00.000Z',
      at: '2026-03-01T12:00:00.000Z',
      connectionLimit: 100,
      role: 'watcher',
      database: 'shop',
      ...server,
    },
    latencyMs: 1,
    parts: Object.fromEntries(
      Object.entries(parts).map(([name, value]) => [name, { is: 'seen', value }]),
    ) as unknown as DatabaseLook<P>['parts'],
  };
}

export const session = (pid: number, more: Partial<Session> = {}): Session => ({
  pid,
  startedAt: '2026-03-01T10:00:00.000Z',
  database: 'shop',
  user: 'app',
  application: 'api',
  client: '172.18.0.5',
  state: 'idle',
  blockedBy: [],
  privileged: false,
  ...more,
});

/** Findings as one line each: `warn public.orders: …`. */
export const told = <P extends PartName, R>(report: Report<P, R>, at: DatabaseLook<P>): string[] =>
  conclude(report, at, 'main', limits).findings.map(line);

const line = ({ status, about, reason }: Finding): string => `${status} ${about === '' ? '' : `${about}: `}${reason}`;

export const table = (name: string, more: Partial<Table> = {}): Table => ({
  name,
  isMaterialized: false,
  bytes: 1_000_000,
  toastBytes: 0,
  indexBytes: 0,
  isEstimated: false,
  rows: 1000,
  liveRows: 1000,
  deadRows: 0,
  modifiedRows: 0,
  sequentialScans: 0,
  sequentialRows: 0,
  indexScans: 0,
  hits: 0,
  reads: 0,
  indexHits: 0,
  indexReads: 0,
  vacuumThreshold: 250,
  isAutovacuumed: true,
  ...more,
});

export const database = (name: string, more: Partial<DatabaseUse> = {}): DatabaseUse => ({
  name,
  isCurrent: true,
  hits: 0,
  reads: 0,
  tempFiles: 0,
  tempBytes: 0,
  xidAge: 1_000_000,
  multixactAge: 1,
  ...more,
});

export const sequence = (more: Partial<Sequence> = {}): Sequence => ({
  name: 'public.orders_id_seq',
  type: 'bigint',
  min: 1,
  max: 2 ** 63,
  increment: 1,
  cycles: false,
  table: 'public.orders',
  column: 'id',
  columnType: 'integer',
  isReadable: true,
  isLocked: false,
  last: 1000,
  ...more,
});

export const fill = (name: string, more: Partial<Fill> = {}): Fill => ({
  name,
  rows: 1_000_000,
  pages: 9000,
  blockSize: 8192,
  fillFactor: 1,
  columns: 3,
  knownColumns: 3,
  width: 40,
  hasNulls: false,
  isReadable: true,
  ...more,
});
