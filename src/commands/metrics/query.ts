import * as z from 'zod';

import { readCommand } from '../../core/command.ts';
import { durationMs } from '../../core/values.ts';
import { labelsSchema, seriesText, valueOf, valueSchema, valueText } from '../../metrics/series.ts';
import { asked, NOTHING, queryFields, remarksText, timeOf } from './shared.ts';

const output = z.object({
  query: z.string(),
  at: z.string(),
  samples: z.array(z.object({ labels: labelsSchema, ...valueSchema })),
  more: z.boolean().describe('whether there are more series'),
  remarks: z.array(z.string()).describe('what the server says of the query'),
});

export default readCommand({
  name: 'metrics query',
  summary: 'Ask Prometheus one query, now or at a time',
  description:
    'Bounded in series, bytes and time. A mistake in the query is shown at its place. What the server remarks, such as that a metric is no counter, is passed on.',
  examples: [
    {
      command: "opsctl metrics query 'sum by (service) (rate(http_requests_total[5m]))'",
      explains: 'a value a series',
    },
    { command: 'opsctl metrics query up --at 2h --json', explains: 'as it was two hours ago, for a script' },
  ],
  input: z.object({
    promql: queryFields.promql,
    at: queryFields.at,
    limit: z.number().int().min(1).max(10_000).default(100).meta({ description: 'series at most', value: 'series' }),
    timeout: queryFields.timeout,
  }),
  output,
  run: async ({ promql, at: said, limit, timeout }, { readers, now }) => {
    const at = timeOf(said, now());
    const { series, more, remarks } = await asked(
      promql,
      readers.metrics.instant(promql, at, { series: limit, ms: durationMs(timeout) }),
    );
    const samples = series.map(({ labels, value }) => ({ labels, ...valueOf(value) }));
    return { query: promql, at, samples, more, remarks };
  },
  text: ({ samples, more, remarks }, style) =>
    [
      samples.length === 0
        ? style.wrap(style.suggest(NOTHING))
        : style.table(
            [
              { title: 'VALUE', align: 'right' },
              { title: 'SERIES', flexible: true },
            ],
            samples.map((sample) => [valueText(sample), seriesText(sample.labels)]),
          ),
      ...remarksText({ more, remarks }, samples.length, style),
    ].join('\n'),
});
