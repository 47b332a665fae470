/** What the `metrics` commands have in common. */
import * as z from 'zod';

import { type Context, type ReadCommand, readCommand } from '../../core/command.ts';
import { OpsError } from '../../core/errors.ts';
import { duration } from '../../core/format.ts';
import { type Concluded, concludedSchema } from '../../core/report.ts';
import type { Style } from '../../core/style.ts';
import { durationMs, durationText } from '../../core/values.ts';
import { exitOf } from '../../core/verdict.ts';
import { conclude, type MetricsParts, type Report } from '../../metrics/report.ts';
import { pointInTime } from '../../inspect/log-times.ts';
import { pointedAt } from '../../metrics/mistake.ts';
import { failOn, reportText, type Wording } from '../reports.ts';

/** The longest that a query may be given, in ms: Prometheus itself gives up after two minutes. */
const LONGEST = 120_000;

/** Fields of what asks a query. */
export const queryFields = {
  promql: z.string().min(1).max(100_000).meta({ description: 'the query, in PromQL', positional: true }),
  at: z.string().optional().meta({ description: 'as it was then: 10m, 2h, 2d ago, or an ISO time', value: 'time' }),
  timeout: durationText
    .refine((typed) => durationMs(typed) <= LONGEST, 'expected 2m at most')
    .default('10s')
    .meta({ description: 'the time that it may take', value: 'time' }),
};

/** The time that `--at` means, ISO. @throws USAGE */
export const timeOf = (at: string | undefined, now: Date): string =>
  at === undefined ? now.toISOString() : pointInTime(at, now, '--at');

/** Asks; a mistake in the query is shown at its place, and one that takes too long may be given longer. */
export const asked = <T>(promql: string, answer: Promise<T>): Promise<T> =>
  answer.catch((thrown: unknown) => {
    throw longer(pointedAt(promql, thrown));
  });

/** What was given up for its time. Where that was not the server's own word, it may hang as well, and the hint says so. */
function longer(error: OpsError): OpsError {
  const { code, message, details, hint } = error;
  if (code !== 'TIMED_OUT' || details?.['engine'] === true) return error;
  const way = `Give it longer with --timeout (${duration(LONGEST)} at most), or ask for less: fewer series, a shorter range.`;
  const isServers = details?.['errorType'] !== undefined;
  return new OpsError(code, message, {
    hint: isServers || hint === undefined ? way : `${way} ${hint}`,
    ...(details === undefined ? {} : { details }),
    cause: error,
  });
}

/** What is said below an answer: where it was cut, what the server remarks. */
export const remarksText = (
  { more, remarks }: { more: boolean; remarks: readonly string[] },
  shown: number,
  style: Style,
): string[] =>
  [
    ...(more
      ? [`the first ${shown.toString()} series; more with --limit, fewer with an aggregate such as sum by (job) (…)`]
      : []),
    ...remarks.map((remark) => `prometheus remarks: ${remark}`),
  ].map((line) => style.dim(style.wrap(line)));

/** What is said where a query gives nothing. */
export const NOTHING = 'no series: nobody exports it, or no labels match. What is scraped: opsctl metrics targets';

export function reportCommand<P extends keyof MetricsParts, R>(
  report: Report<P, R>,
  wording: Wording,
  observe: (context: Context) => Promise<{ [K in P]: MetricsParts[K] }>,
): ReadCommand {
  return readCommand({
    name: `metrics ${report.name}`,
    ...wording,
    input: z.object({ failOn }),
    output: concludedSchema.extend({ rows: z.array(report.row) }),
    run: async (_input, context) =>
      conclude(report, await observe(context), {
        nowMs: context.now().getTime(),
        limits: context.platform.thresholds,
        service: context.platform.prometheus?.service,
      }),
    text: (data, style) => reportText(report, data as Concluded<R>, style),
    exit: ({ status }, { failOn: from }) => exitOf(status, from),
  });
}
