import { conclude, type Report, type ReportData } from '../../../src/cache/report.ts';
import type { CacheLook, CachePart, KeyScan, ScanRequest } from '../../../src/core/ports/cache.ts';
import { cacheReader, platformOf } from '../../support/readers.ts';
import type { RedisServer } from '../../support/redis.ts';

/** Room for all keys of a test. */
const ALL: ScanRequest = { facts: ['bytes', 'expiry', 'heat'], groups: true, keys: 1_000_000, ms: 60_000, top: 25 };

interface As {
  user?: string;
  password?: string;
  scan?: Partial<ScanRequest>;
  /** A scan that ends early for what disturbs it is what is wanted. */
  asItEnds?: boolean;
}

export async function look<P extends CachePart>(
  server: RedisServer,
  parts: readonly P[],
  { user = '', password = '', scan = {}, asItEnds = false }: As = {},
): Promise<CacheLook<P>> {
  const reader = cacheReader({ main: server.url(user, password) }, { asItEnds });
  const seen = await reader.look('main', parts, { ...ALL, ...scan });
  await reader.close();
  return seen;
}

/** A report as its command has it. */
export async function reported<P extends CachePart, R>(
  server: RedisServer,
  report: Report<P, R>,
  as: As = {},
): Promise<ReportData<R>> {
  const data = conclude(report, await look(server, report.parts, as), 'main', platformOf({}).thresholds);
  return { ...data, rows: data.rows.map((row) => report.row.parse(row)) };
}

export async function scanned(
  server: RedisServer,
  scan: Partial<ScanRequest> = {},
  as: Pick<As, 'asItEnds'> = {},
): Promise<KeyScan> {
  const { parts } = await look(server, ['scan'], { scan, ...as });
  if (parts.scan.is !== 'seen') throw new Error(parts.scan.reason);
  return parts.scan.value;
}
