import * as z from 'zod';

import { readCommand } from '../../core/command.ts';
import { duration, localTime } from '../../core/format.ts';
import type { Style } from '../../core/style.ts';
import { durationMs, durationText } from '../../core/values.ts';
import { onSteps, type Trend, trendOf, trendSchema } from '../../metrics/range.ts';
import { common, seriesText, valueOf, valueText } from '../../metrics/series.ts';
import { sparkline } from '../../metrics/sparkline.ts';
import { windowOf } from '../../metrics/window.ts';
import { asked, NOTHING, queryFields, remarksText, timeOf } from './shared.ts';

const output = z.object({
  query: z.string(),
  from: z.string(),
  to: z.string(),
  stepMs: z.number(),
  series: z.array(trendSchema),
  more: z.boolean().describe('whether there are more series'),
  remarks: z.array(z.string()).describe('what the server says of the query'),
});
type Ranged = z.infer<typeof output>;

export default readCommand({
  name: 'metrics range',
  summary: 'How a query went over time: least, most, last, and a line of bars a series',
  description:
    'Bounded in series, points, bytes and time. Each line goes from its own least to its own most; where a series has no sample, it is blank.',
  examples: [
    { command: "opsctl metrics range 'sum(rate(http_requests_total[1m]))'", explains: 'the last hour' },
    { command: 'opsctl metrics range up --for 24h --step 5m', explains: 'the last day, in steps of five minutes' },
    { command: 'opsctl metrics range up --for 2h --at 2026-03-01T14:00 --json', explains: 'two hours up to a time' },
  ],
  input: z.object({
    promql: queryFields.promql,
    for: durationText.default('1h').meta({ description: 'how long before its end', value: 'time' }),
    at: queryFields.at.meta({ description: 'its end: 10m, 2h, 2d ago, or an ISO time; default: now', value: 'time' }),
    step: durationText.optional().meta({ description: 'time between points; default: by its length', value: 'time' }),
    limit: z.number().int().min(1).max(200).default(20).meta({ description: 'series at most', value: 'series' }),
    timeout: queryFields.timeout,
  }),
  output,
  run: async (typed, { readers, now }) => {
    const { promql, step, limit, timeout } = typed;
    const to = timeOf(typed.at, now());
    const window = windowOf(to, durationMs(typed.for), step === undefined ? undefined : durationMs(step));
    const { series, more, remarks } = await asked(
      promql,
      readers.metrics.range(promql, window, { series: limit, ms: durationMs(timeout) }),
    );
    return { query: promql, ...window, series: series.map(trendOf), more, remarks };
  },
  text: (data, style) =>
    [
      data.series.length === 0 ? style.wrap(style.suggest(NOTHING)) : trends(data, style),
      style.dim(`${localTime(data.from)} to ${localTime(data.to)}, steps of ${duration(data.stepMs)}`),
      ...remarksText(data, data.series.length, style),
    ].join('\n'),
});

/** Columns of a line of bars: what 80 columns leave beside the figures and a few labels. */
const BARS = 24;

function trends({ series, ...window }: Ranged, style: Style): string {
  const shared = common(series.map(({ labels }) => labels));
  const hidden = new Set(Object.keys(shared));
  const bars = BARS + Math.max(0, style.width - 80) / 2;
  const figure = (value: number | null): string => (value === null ? '-' : valueText(valueOf(value)));
  const cells = (trend: Trend): string[] => [
    seriesText(trend.labels, hidden),
    figure(trend.min),
    figure(trend.max),
    trend.last === undefined ? '-' : valueText(trend.last),
    sparkline(onSteps(trend, window), Math.floor(bars)),
  ];
  return [
    ...(hidden.size === 0 ? [] : [style.dim(style.wrap(`all: ${seriesText(shared)}`))]),
    style.table(
      [
        { title: 'SERIES', flexible: true },
        { title: 'MIN', align: 'right' },
        { title: 'MAX', align: 'right' },
        { title: 'LAST', align: 'right' },
        { title: 'TREND' },
      ],
      series.map(cells),
    ),
  ].join('\n');
}
