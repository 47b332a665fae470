/** What the `cache` commands have in common: parts of a cache, judged and shown alike, alone or all together. */
import * as z from 'zod';

import type { CacheLook, CachePart, CacheParts, CacheServer } from '../core/ports/cache.ts';
import { REDIS_CLI } from '../core/redis-cli.ts';
import { type Concluded, concludedSchema, concludeReport, type Report as AnyReport } from '../core/report.ts';
import type { Thresholds } from '../core/thresholds.ts';

/** Where a report looks: the server, the time, and the limits of the configuration. */
export interface Seat {
  server: CacheServer;
  nowMs: number;
  limits: Thresholds;
}

/** A report of a cache. */
export type Report<P extends CachePart = CachePart, R = unknown> = AnyReport<CacheParts, Seat, P, R>;

/** The server as every command of a cache tells it. */
export const serverSchema = {
  cache: z.string().describe('as configured'),
  product: z.enum(['redis', 'valkey']),
  version: z.string().describe('empty where nothing tells it'),
  role: z.string(),
};

/** The result of a report as data; `rows` are the report's own. */
export const reportSchema = z.object({ ...serverSchema, ...concludedSchema.shape });
export type ReportData<R> = z.infer<typeof reportSchema> & Concluded<R>;

/** What the server is called, for people. */
export const productText = ({ product, version }: Pick<CacheServer, 'product' | 'version'>): string =>
  `${product === 'valkey' ? 'Valkey' : 'Redis'}${version === '' ? '' : ` ${version}`}`;

/** Judges one report of a look. */
export function conclude<P extends CachePart, R>(
  report: Report<P, R>,
  look: CacheLook<P>,
  cache: string,
  limits: Thresholds,
): ReportData<R> {
  const { server, at } = look;
  const { product, version, role } = server;
  const seat = { server, nowMs: Date.parse(at), limits };
  const concluded = concludeReport(report, look.parts, seat, `opsctl cache ${report.name}`);
  const notes = [
    ...concluded.notes,
    ...(server.isClustered === true ? [CLUSTER] : []),
    ...promptNote([...concluded.findings.flatMap(({ next }) => next), ...concluded.notes]),
  ];
  return { cache, product, version, role, ...concluded, notes };
}

/** How to get where commands of Redis' own are answered, where such ones are named. */
export const promptNote = (texts: readonly string[]): string[] =>
  texts.some((text) => text.includes('redis-cli ')) ? [REDIS_CLI] : [];

/** What is true of every figure there. */
const CLUSTER = 'this is one node of a cluster: of the others nothing is told';
