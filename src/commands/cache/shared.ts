/** A report of a cache as a command. */
import * as z from 'zod';

import { budgetOf, budgetText } from '../../cache/budget.ts';
import { conclude, type Report, type ReportData, reportSchema } from '../../cache/report.ts';
import { type Asks, type ScanData, scanData, scanSchema } from '../../cache/scan.ts';
import { type Context, type ReadCommand, readCommand } from '../../core/command.ts';
import type { Platform } from '../../core/platform.ts';
import type { CacheLook, CachePart } from '../../core/ports/cache.ts';
import { exitOf } from '../../core/verdict.ts';
import { failOn, reportText, serverNamed, type Wording } from '../reports.ts';

/** Fields of every `cache` command. */
export const cacheFields = {
  cache: z.string().optional().meta({ description: 'which one, as configured; default: the only one', value: 'name' }),
  failOn,
};

/** The configured cache that is meant. @throws NOT_CONFIGURED, USAGE when there are several */
export const cacheNamed = ({ caches, environment }: Platform, said: string | undefined): string =>
  serverNamed('cache', caches, environment, said);

export function reportCommand<P extends Exclude<CachePart, 'scan'>, R>(
  report: Report<P, R>,
  wording: Wording,
): ReadCommand {
  return readCommand({
    name: `cache ${report.name}`,
    ...wording,
    input: z.object(cacheFields),
    output: reportSchema.extend({ rows: z.array(report.row) }),
    run: async ({ cache }, { platform, readers }) => {
      const name = cacheNamed(platform, cache);
      return conclude(report, await readers.cache.look(name, report.parts), name, platform.thresholds);
    },
    text: (data, style) => reportText(report, data as ReportData<R>, style),
    exit: ({ status }, { failOn: from }) => exitOf(status, from),
  });
}

/** Fields of what looks at keys. */
export const scanFields = {
  budget: budgetText.optional().meta({
    description: 'how many keys or how long at most; default: 100k or 10s, whichever is first',
    value: '100k|10s',
  }),
  cursor: z
    .string()
    .regex(/^\d{1,5}:\d{1,20}$/, 'expected a cursor as an earlier scan told it, such as 0:1728')
    .optional()
    .meta({ description: 'go on where an earlier scan ended', value: 'cursor' }),
  ...cacheFields,
};

/** Keys of each order that are kept. */
const TOP = 25;

/** What looks at keys gives, besides its report. */
export const scannedSchema = reportSchema.extend({
  scan: scanSchema.nullable().describe('how far it came, what it cost; null where it could not be'),
});
export type Scanned<R> = ReportData<R> & { scan: ScanData | null };

/** Looks at keys for a report. */
export async function scanned<R>(
  report: Report<'scan', R>,
  asks: Asks,
  typed: { budget?: string | undefined; cursor?: string | undefined; cache?: string | undefined },
  { platform, readers, signal }: Context,
): Promise<Scanned<R>> {
  const name = cacheNamed(platform, typed.cache);
  const request = { ...asks, ...budgetOf(typed.budget), cursor: typed.cursor, top: TOP };
  const look: CacheLook<'scan'> = await readers.cache.look(name, ['scan'], request, signal);
  const { scan } = look.parts;
  return {
    ...conclude(report, look, name, platform.thresholds),
    scan: scan.is === 'seen' ? scanData(scan.value) : null,
  };
}

/** How a scan is paced, for help. */
export const PACED =
  'Keys of all databases of the server are looked at with SCAN, in small batches with pauses; no value is read. It ends at its budget, says where to go on with --cursor, and ends early where the server becomes slower: when of the last 15 round trips the middle one takes twice as long as before the scan, and 5 ms longer at least, because less than that is the noise of networks and schedulers.';

export function scanCommand<R>(report: Report<'scan', R>, asks: Asks, wording: Wording): ReadCommand {
  return readCommand({
    name: `cache ${report.name}`,
    ...wording,
    input: z.object(scanFields),
    output: scannedSchema.extend({ rows: z.array(report.row) }),
    run: (typed, context) => scanned(report, asks, typed, context),
    text: (data, style) => reportText(report, data as Scanned<R>, style),
    exit: ({ status }, { failOn: from }) => exitOf(status, from),
  });
}
